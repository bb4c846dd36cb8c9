// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/failure.h"

#include <stddef.h>
#include <string.h>

#include "base/attributes.h"
#include "proxy/tls/wolfssl.h"

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

/* A reason is a label of metrics, so there are few; several codes may share one. */
struct row {
    int code;
    const char *reason;
    const char *sentence;
};

#define DECODE   "decode_error"
#define SEQUENCE "unexpected_message"
#define DECRYPT  "decrypt_error"
#define BAD      "bad_certificate"
#define USAGE    "wrong_key_usage"
#define TOO_LONG "chain_too_long"
#define CLOSED   "client_closed"
#define OURS     "internal_error"

// clang-format off
static const struct row errors[] = {
    /* the client's certificate */
    {NO_PEER_CERT, "client_certificate_missing", "client sent no certificate"},
    {ASN_AFTER_DATE_E, "certificate_expired", "client certificate has expired"},
    {ASN_BEFORE_DATE_E, "certificate_not_yet_valid",
     "client certificate is not valid yet (or a clock is wrong)"},
    {CRL_CERT_REVOKED, "certificate_revoked", "client certificate is revoked"},
    {OCSP_CERT_REVOKED, "certificate_revoked", "client certificate is revoked"},
    {CRL_MISSING, "crl_missing", "client_crl has no list of the client certificate's issuer"},
    {CRL_CERT_DATE_ERR, "crl_outdated",
     "the revocation list of the client certificate's issuer is outdated"},
    {ASN_CRL_CONFIRM_E, "crl_invalid", "the revocation list's signature is wrong"},
    {ASN_CRL_NO_SIGNER_E, "crl_invalid", "the revocation list's issuer is not in client_ca"},
    {ASN_NO_SIGNER_E, "unknown_ca",
     "the client certificate's issuer is not in client_ca, nor did the client send it"},
    {ASN_SELF_SIGNED_E, "unknown_ca", "the client certificate is self-signed and not in client_ca"},
    {ASN_SIG_CONFIRM_E, "bad_signature", "a signature in the client's chain is wrong"},
    {SIG_VERIFY_E, "bad_signature", "a signature in the client's chain is wrong"},
    {VERIFY_CERT_ERROR, "bad_signature",
     "client did not prove that it has the key of its certificate"},
    {VERIFY_SIGN_ERROR, "bad_signature",
     "client did not prove that it has the key of its certificate"},
    {NO_PEER_VERIFY, "bad_signature",
     "client did not prove that it has the key of its certificate"},
    {EXTKEYUSE_AUTH_E, USAGE, "client certificate is not for client authentication"},
    {KEYUSE_SIGNATURE_E, USAGE, "client certificate's key is not for signatures"},
    {NOT_CA_ERROR, USAGE, "a certificate in the client's chain is issued by one that is no CA"},
    {MAX_CHAIN_ERROR, TOO_LONG, "the client's chain is too long"},
    {ASN_PATHLEN_SIZE_E, TOO_LONG, "the client's chain is longer than its CA allows"},
    {ASN_PATHLEN_INV_E, TOO_LONG, "the client's chain is longer than its CA allows"},
    {ASN_NAME_INVALID_E, "name_not_permitted",
     "client certificate has a name that its CA may not give (name constraints)"},
    {RSA_KEY_SIZE_E, "weak_key", "a key in the client's chain is too short"},
    {ECC_KEY_SIZE_E, "weak_key", "a key in the client's chain is too short"},
    {ASN_SIG_HASH_E, BAD, "client certificate is signed with an algorithm that is not accepted"},
    {ASN_SIG_OID_E, BAD, "client certificate's signature algorithms contradict each other"},
    {ASN_SIG_KEY_E, BAD, "client certificate is signed with a kind of key that is not accepted"},
    {ASN_UNKNOWN_OID_E, BAD, "client certificate has a kind of key that is not accepted"},
    {ASN_CRIT_EXT_E, BAD, "client certificate has a critical extension that is not known here"},
    {ASN_PARSE_E, BAD, "client certificate cannot be read"},
    {ASN_VERSION_E, BAD, "client certificate has a version that is not known"},
    {ASN_INPUT_E, BAD, "client certificate is cut short"},
    {ASN_TIME_E, BAD, "client certificate's dates cannot be read"},
    {ASN_DATE_SZ_E, BAD, "client certificate's dates cannot be read"},
    {ASN_ALT_NAME_E, BAD, "client certificate's names cannot be read"},
    {ASN_OBJECT_ID_E, BAD, "client certificate cannot be read"},
    {ASN_BITSTR_E, BAD, "client certificate cannot be read"},
    {ASN_GETINT_E, BAD, "client certificate cannot be read"},
    {ASN_ECC_KEY_E, BAD, "client certificate's key cannot be read"},
    {ASN_RSA_KEY_E, BAD, "client certificate's key cannot be read"},
    {ECC_CURVE_OID_E, BAD, "client certificate's key is on a curve that is not accepted"},
    {PEER_KEY_ERROR, BAD, "client certificate's key cannot be read"},
    {NO_PEER_KEY, BAD, "client certificate's key cannot be read"},
#ifndef POSTERN_SYSTEM_WOLFSSL /* 5.5.4 has no such code */
    {UNSUPPORTED_CERTIFICATE, BAD, "client sent a kind of certificate that is not accepted"},
#endif

    /* what cannot be agreed on */
    {VERSION_ERROR, "version", "client speaks no TLS version that this listener allows"},
    {UNSUPPORTED_PROTO_VERSION, "version",
     "client speaks no TLS version that this listener allows"},
    {MATCH_SUITE_ERROR, "no_shared_cipher",
     "client offers no cipher suite, or no signature algorithm, that this listener has"},
    {UNSUPPORTED_SUITE, "no_shared_cipher", "client offers no cipher suite that this listener has"},
    {KEY_SHARE_ERROR, "no_shared_group", "client offers no group that this listener has"},
    {BAD_KEY_SHARE_DATA, "no_shared_group", "client offers no group that this listener has"},
    {ECC_CURVE_ERROR, "no_shared_group", "client offers no group that this listener has"},
    {ECC_CURVETYPE_ERROR, "no_shared_group", "client offers no group that this listener has"},
    {UNKNOWN_ALPN_PROTOCOL_NAME_E, "alpn_mismatch",
     "client offers no application protocol of this listener's `alpn`"},
    {UNKNOWN_SNI_HOST_NAME_E, "unknown_server_name",
     "client asked for a server name that no certificate here has"},
    {COMPRESSION_ERROR, "no_shared_cipher", "client insists on compression"},
    {EXT_MASTER_SECRET_NEEDED_E, DECODE, "client resumes without its extended master secret"},

    /* what breaks the protocol */
    {UNKNOWN_RECORD_TYPE, "not_tls", "client sent bytes that are not TLS"},
    {SECURE_RENEGOTIATION_E, "renegotiation", "client tried to renegotiate, which is refused"},
    {DUPLICATE_MSG_E, "renegotiation",
     "client tried to renegotiate, which is refused, or repeated a message of the handshake"},
    {BAD_HELLO, DECODE, "client sent a ClientHello that cannot be read"},
    {BUFFER_ERROR, DECODE, "client sent a message that cannot be read"},
    {BUFFER_E, DECODE, "client sent a message that cannot be read"},
    {PARSE_ERROR, DECODE, "client sent a record that cannot be read"},
    {DECODE_E, DECODE, "client sent a message that cannot be read"},
    {INCOMPLETE_DATA, DECODE, "client sent a message that is cut short"},
    {MISSING_HANDSHAKE_DATA, DECODE, "client sent a message that is cut short"},
    {LENGTH_ERROR, DECODE, "client sent a record of a wrong length"},
    {HANDSHAKE_SIZE_ERROR, DECODE, "client sent a handshake message that is too large"},
    {INVALID_PARAMETER, DECODE, "client sent a parameter that is not allowed"},
    {EXT_NOT_ALLOWED, DECODE, "client sent an extension where it is not allowed"},
    {EXT_MISSING, DECODE, "client left out an extension that it must send"},
    {UNSUPPORTED_EXTENSION, DECODE, "client sent an extension that nobody asked for"},
    {DUPLICATE_TLS_EXT_E, DECODE, "client sent an extension twice"},
    {ECC_PEERKEY_ERROR, DECODE, "client sent a key share that is no point of the curve"},
    {HRR_COOKIE_ERROR, DECODE, "client did not send its cookie back"},
    {INPUT_CASE_ERROR, SEQUENCE, "client sent a message out of order"},
    {OUT_OF_ORDER_E, SEQUENCE, "client sent a message out of order"},
    {SANITY_MSG_E, SEQUENCE, "client sent a message out of order"},
    {SANITY_CIPHER_E, SEQUENCE, "client sent a message out of order"},
    {NO_CHANGE_CIPHER_E, SEQUENCE, "client finished without a change of cipher"},
    {UNKNOWN_HANDSHAKE_TYPE, SEQUENCE, "client sent a message of an unknown kind"},
    {ALERT_COUNT_E, SEQUENCE, "client sent too many warnings"},
    {SIDE_ERROR, SEQUENCE, "client sent a message that only a server may send"},
    {DECRYPT_ERROR, DECRYPT, "a record could not be decrypted (damaged on the way, or forged)"},
    {VERIFY_MAC_ERROR, DECRYPT, "a record could not be decrypted (damaged on the way, or forged)"},
    {AES_GCM_AUTH_E, DECRYPT, "a record could not be decrypted (damaged on the way, or forged)"},
    {AES_CCM_AUTH_E, DECRYPT, "a record could not be decrypted (damaged on the way, or forged)"},
    {MAC_CMP_FAILED_E, DECRYPT, "a record could not be decrypted (damaged on the way, or forged)"},
    {VERIFY_FINISHED_ERROR, DECRYPT, "client saw another handshake than this one (tampered with?)"},
    {BAD_BINDER, DECRYPT, "client does not know the secret of the ticket that it sent"},

    /* the connection, and we */
    {SOCKET_PEER_CLOSED_E, CLOSED, "client closed the connection"},
    {SOCKET_ERROR_E, CLOSED, "client closed the connection"},
    {ZERO_RETURN, CLOSED, "client closed the connection"},
    {WOLFSSL_ERROR_ZERO_RETURN, CLOSED, "client closed the connection"},
    {WOLFSSL_ERROR_SYSCALL, CLOSED, "client closed the connection"},
    {MEMORY_ERROR, "out_of_memory", "out of memory"},
    {MEMORY_E, "out_of_memory", "out of memory"},
    {NO_PRIVATE_KEY, OURS, "the listener has no private key that can be used"},
    {NO_CERT_ERROR, OURS, "the listener has no certificate that can be used"},
    {RSA_SIGN_FAULT, OURS, "a signature of ours came out wrong and was held back"},
    {RNG_FAILURE_E, OURS, "the random number generator failed"},
    {BAD_TICKET_ENCRYPT, OURS, "a session ticket could not be sealed"},
};
// clang-format on

#define CHAIN " (send the full chain in `certificate`: leaf, then intermediates)"

// clang-format off
static const struct row alerts[] = {
    {close_notify, CLOSED, "client closed the connection"},
    {unexpected_message, "alert_unexpected_message",
     "client says that we sent a message out of order (alert unexpected_message)"},
    {bad_record_mac, "alert_bad_record_mac",
     "client could not decrypt what we sent (alert bad_record_mac)"},
    {record_overflow, "alert_record_overflow",
     "client says that our record is too long (alert record_overflow)"},
    {handshake_failure, "alert_handshake_failure",
     "client found nothing to agree on (alert handshake_failure)"},
    {bad_certificate, "alert_bad_certificate",
     "client does not accept our certificate (alert bad_certificate)" CHAIN},
    {unsupported_certificate, "alert_unsupported_certificate",
     "client cannot use our kind of certificate (alert unsupported_certificate)"},
    {certificate_revoked, "alert_certificate_revoked",
     "client says that our certificate is revoked (alert certificate_revoked)"},
    {certificate_expired, "alert_certificate_expired",
     "client says that our certificate has expired (alert certificate_expired): renew it, or set "
     "the client's clock"},
    {certificate_unknown, "alert_certificate_unknown",
     "client does not accept our certificate, perhaps for its name (alert certificate_unknown)"},
    {illegal_parameter, "alert_illegal_parameter",
     "client says that we chose what it did not offer (alert illegal_parameter)"},
    {unknown_ca, "alert_unknown_ca", "client does not trust our CA (alert unknown_ca)" CHAIN},
    {access_denied, "alert_access_denied", "client refuses us (alert access_denied)"},
    {decode_error, "alert_decode_error", "client could not read what we sent (alert decode_error)"},
    {decrypt_error, "alert_decrypt_error",
     "client could not verify our signature (alert decrypt_error)"},
    {protocol_version, "alert_protocol_version",
     "client refuses our TLS version (alert protocol_version)"},
    {insufficient_security, "alert_insufficient_security",
     "client wants stronger ciphers (alert insufficient_security)"},
    {internal_error, "alert_internal_error", "client failed (alert internal_error)"},
    {user_canceled, "alert_user_canceled", "client gave up (alert user_canceled)"},
    {no_renegotiation, "alert_no_renegotiation",
     "client does not renegotiate (alert no_renegotiation)"},
    {unsupported_extension, "alert_unsupported_extension",
     "client got an extension that it did not ask for (alert unsupported_extension)"},
    {unrecognized_name, "alert_unrecognized_name",
     "client does not know the name (alert unrecognized_name)"},
};
// clang-format on

static const struct row *find(const struct row *rows, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].code == code) return &rows[i];
    return NULL;
}

struct tls_failure tls_failure_of(int error, int alert_received)
{
    const struct row *row = find(errors, ARRAY_LENGTH(errors), error);
    bool told = alert_received >= 0 && alert_received <= 255;
    if (told && (row == NULL || strcmp(row->reason, CLOSED) == 0)) {
        row = find(alerts, ARRAY_LENGTH(alerts), alert_received);
        if (row == NULL)
            return (struct tls_failure){"alert_other", "client refused us with an unusual alert",
                                        true};
        return (struct tls_failure){row->reason, row->sentence, alert_received != close_notify};
    }
    if (row == NULL) return (struct tls_failure){"other", "the TLS handshake failed", false};
    return (struct tls_failure){row->reason, row->sentence, false};
}
