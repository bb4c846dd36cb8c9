// SPDX-License-Identifier: GPL-3.0-or-later
/* TLS alerts (RFC 8446, 6) that a client gets, with what to do about them. */
#pragma once

/* "unknown_ca: it does not trust the CA of the certificate that it was shown". */
const char *alert_sentence(int description);
