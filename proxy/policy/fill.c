// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/fill.h"

#include <arpa/inet.h>
#include <string.h>

#include "mqtt/version.h"

static struct span text_value(const char *text)
{
    return text == NULL ? (struct span){NULL, 0} : span_of(text);
}

static struct span first_of(const char *const *texts, size_t count)
{
    return count == 0 ? (struct span){NULL, 0} : span_of(texts[0]);
}

static struct span source_value(const struct in6_addr *source, char room[FILL_ROOM])
{
    bool mapped = IN6_IS_ADDR_V4MAPPED(source);
    const void *address = mapped ? (const void *)&source->s6_addr[12] : source;
    if (IN6_IS_ADDR_UNSPECIFIED(source)) return (struct span){NULL, 0}; /* a unix socket */
    if (inet_ntop(mapped ? AF_INET : AF_INET6, address, room, FILL_ROOM) == NULL)
        return (struct span){NULL, 0};
    return span_of(room);
}

static struct span certificate_value(const char *name,
                                     const struct identity_certificate *certificate)
{
    if (certificate == NULL) return (struct span){NULL, 0};
    if (strcmp(name, "common_name") == 0) return text_value(certificate->common_name);
    if (strcmp(name, "subject") == 0) return text_value(certificate->subject);
    if (strcmp(name, "issuer") == 0) return text_value(certificate->issuer);
    if (strcmp(name, "serial") == 0) return text_value(certificate->serial);
    if (strcmp(name, "fingerprint_sha256") == 0) return text_value(certificate->fingerprint_sha256);
    if (strcmp(name, "spki_sha256") == 0) return text_value(certificate->spki_sha256);
    if (strcmp(name, "san_dns") == 0)
        return first_of(certificate->san_dns, certificate->san_dns_count);
    if (strcmp(name, "san_uri") == 0)
        return first_of(certificate->san_uri, certificate->san_uri_count);
    if (strcmp(name, "san_email") == 0)
        return first_of(certificate->san_email, certificate->san_email_count);
    return (struct span){NULL, 0};
}

struct span fill_value(struct span name, const struct facts *facts, char room[FILL_ROOM])
{
    static const char certificate[] = "certificate.";
    char text[FILL_ROOM];
    if (name.length >= sizeof text) return (struct span){NULL, 0};
    memcpy(text, name.data, name.length);
    text[name.length] = '\0';
    if (strncmp(text, certificate, sizeof certificate - 1) == 0)
        return certificate_value(text + sizeof certificate - 1, facts->certificate);
    if (strcmp(text, "client_id") == 0) return facts->client_id;
    if (strcmp(text, "username") == 0)
        return facts->has_username ? facts->username : (struct span){NULL, 0};
    if (strcmp(text, "server_name") == 0) return facts->server_name;
    if (strcmp(text, "listener") == 0) return text_value(facts->listener);
    if (strcmp(text, "source") == 0) return source_value(&facts->source, room);
    if (strcmp(text, "mqtt.version") == 0)
        return text_value(mqtt_version_name(facts->mqtt_version));
    if (strcmp(text, "tls.version") == 0)
        return span_of(facts->tls_version == IDENTITY_TLS_1_3 ? "1.3" : "1.2");
    if (strcmp(text, "tls.cipher") == 0) return text_value(facts->tls_cipher);
    if (strcmp(text, "tls.group") == 0) return text_value(facts->tls_group);
    return (struct span){NULL, 0};
}

bool fill_next(const char **template, struct fill_piece *piece)
{
    const char *from = *template;
    piece->is_name = false;
    if (*from == '\0') return false;
    const char *end = strncmp(from, "${", 2) == 0 ? strchr(from, '}') : NULL;
    if (end != NULL) {
        piece->is_name = true;
        piece->text = (struct span){(const uint8_t *)from + 2, (size_t)(end - from) - 2};
        *template = end + 1;
        return true;
    }
    size_t length = from[0] == '$' ? 1 : strcspn(from, "$");
    piece->text = (struct span){(const uint8_t *)from, length};
    *template = from + length + (from[0] == '$' && from[1] == '$');
    return true;
}

bool fill_template(struct bytes_writer *out, const char *template, const struct facts *facts)
{
    char room[FILL_ROOM];
    struct fill_piece piece;
    while (fill_next(&template, &piece)) {
        struct span text = piece.is_name ? fill_value(piece.text, facts, room) : piece.text;
        if (text.length == 0) return false;
        bytes_put(out, text.data, text.length);
    }
    return bytes_writer_ok(out);
}
