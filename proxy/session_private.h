// SPDX-License-Identifier: GPL-3.0-or-later
/* What the files of a session share. session.c tells the story and owns the table of stages;
 * session_handshake.c, session_admission.c and session_backend.c are its chapters; session_end.c is
 * how any of them ends. */
#pragma once

#include "mqtt/connect.h"
#include "mqtt/disconnect.h"
#include "mqtt/reason.h"
#include "proxy/access_log.h"
#include "proxy/backend/dial.h"
#include "proxy/guard/guard.h"
#include "proxy/guard/rate.h"
#include "proxy/policy/policy.h"
#include "proxy/proxy_protocol/header.h"
#include "proxy/refusal.h"
#include "proxy/relay.h"
#include "proxy/session.h"

/* A stage is named by what it awaits. */
enum stage {
    ACCEPTED,
    AWAIT_PROXY_HEADER,
    AWAIT_CLIENT_HELLO,
    HANDSHAKING,
    AWAIT_CONNECT,
    DIALLING,
    AWAIT_CONNACK,
    RELAYING,
    HALF_CLOSED,
    CLOSING
};

/* After a step: GONE, the session has ended or is saying goodbye, and whoever is told returns at
 * once without a look at it. */
enum alive { GONE, ALIVE };

struct session_guard;

/* On the way to a broker: from the choice of one until its CONNACK. */
struct session_handover {
    uint64_t ends_ms;      /* no other broker is tried after that; 0: none was reached yet */
    size_t connect_length; /* of what is kept early */
    bool flowing;          /* no other broker will be tried: nothing is kept */
    bool client_ended;
    uint8_t *answer; /* the CONNACK, when it comes in pieces */
    size_t answer_length;
    bool tried[]; /* one a server */
};

struct session {
    struct session *next;
    struct session **link;
    struct session_list *list;
    struct loop *loop;
    struct snapshot *snapshot;
    struct snapshot *other; /* that has its pool, if `snapshot` has not; else NULL */
    struct snapshot_listener *listener;
    enum stage stage;
    struct timer deadline;
    uint64_t last_heard_ms;
    struct dial *dial;
    struct session_handover *handover; /* NULL: not on the way */
    struct pool *pool;
    struct relay relay;
    struct session_guard *guard; /* NULL: nothing is looked at */
    uint8_t *held;               /* ciphertext of a record that is not whole yet */
    size_t held_length;
    uint8_t *early; /* plaintext: the CONNECT and what the client sent behind it */
    size_t early_length;
    struct access_record record;
    enum refusal verdict; /* a later judgement: the session ends at `verdict_due_ms` */
    uint64_t verdict_due_ms;
    struct turn *turn;         /* that its handshake waits for; NULL: none */
    struct proxy_route *route; /* owned: what a PROXY header said; NULL: there was none */
    struct sources_ticket ticket;
    enum refusal over; /* a limit of connections: it is told after its CONNECT */
    uint8_t descriptors;
    bool has_place;    /* of max_connections */
    bool has_token;    /* for a handshake that has not begun */
    bool has_source;   /* of its own, which what it does is counted for */
    bool in_inventory; /* as connected */
    bool problem_information;
    uint16_t largest_packet; /* that an MQTT 5 client takes, as far as it matters to us */
};

/* Moves on; each stage may be entered from some others only. */
void session_enter(struct session *session, enum stage stage);
void session_set_deadline(struct session *session, uint64_t delay_ms);

/* Where a client's bytes, `length` of them in the loop's ciphertext buffer, go to by stage. */
enum alive session_read_proxy_header(struct session *session, size_t length);
enum alive session_read_client_hello(struct session *session, size_t length);
enum alive session_read_handshake(struct session *session, size_t length);
enum alive session_read_connect(struct session *session, size_t length);

/* Hands those bytes to what the stage reads with; the session may be gone afterwards. */
void session_read(struct session *session, size_t length);
/* The same, now or later: handshakes take turns. */
void session_read_in_turn(struct session *session, size_t length);
/* It waits for no turn any more. */
void session_leave_turn(struct session *session);
/* Keeps what is not whole yet until more comes. False: out of memory. */
MUST_USE bool session_hold(struct session *session, const uint8_t *data, size_t length);
/* Puts what was kept into the loop's ciphertext buffer, and gives how much that is. */
size_t session_unhold(struct session *session);
/* Decrypts the loop's ciphertext into the loop's plaintext, which is lent; what is not a whole
 * record yet is held. */
enum alive session_decrypt(struct session *session, size_t length, struct span *plaintext,
                           bool *peer_closed);
/* What the client sends while it is on the way: kept, within a limit. */
enum alive session_read_early(struct session *session, size_t length);
/* The client has sent all that it will. */
enum alive session_end_early(struct session *session);
void session_drop_handover(struct session *session);
/* Appends to what is kept of the client's first bytes. */
bool session_keep_early(struct session *session, struct span more);
void session_drop_early(struct session *session);

/* What policies judge, lent from the session's record. */
struct facts session_facts(const struct session *session);
/* Whether the client would be admitted by the list's snapshot, by its certificate and by the policy
 * of its listener; by its own snapshot if the list's has no such listener. */
struct decision session_judge(const struct session *session);
/* Goes on under the list's snapshot, where the rule is that of a judgement by it, and on its server
 * whether that has it or not. False: its listener is gone there, and it stays with its own. */
bool session_adopt(struct session *session, const struct config_rule *rule);
/* The same for who is in now, and was judged by a snapshot before while it was on its way. */
enum alive session_catch_up(struct session *session);
/* Puts the CONNECT that the rule wants in the place of the client's, `length` bytes of what is kept
 * early. Anything but REWRITTEN: the client lacks what the rule writes, or there is no memory. */
enum rewriting {
    REWRITTEN,
    REWRITING_LACKS_CLIENT_ID,
    REWRITING_LACKS_USERNAME,
    REWRITING_OUT_OF_MEMORY
};
enum rewriting session_rewrite_connect(struct session *session, const struct config_rule *rule,
                                       const struct mqtt_connect *connect, size_t length);

/* Watches over what the client sends from here on, if its rule (NULL: none decided) or its listener
 * asks for that. False: out of memory. */
MUST_USE bool session_guard(struct session *session, const struct config_rule *rule);
/* The same for a session that is established already. False: out of memory, or it cannot be done in
 * the middle of what is being sent. */
MUST_USE bool session_guard_anew(struct session *session, const struct config_rule *rule);
void session_unguard(struct session *session);
bool session_may_publish(const struct session *session, struct span topic);
/* Whether the client is not read because it has sent too much. */
bool session_is_held(const struct session *session);
/* Has the broker's CONNECT, which was sent already, seen by who counts and watches. */
enum alive session_count_connect(struct session *session, struct span connect);
/* Passes on what came from one side. */
enum alive session_to_backend(struct session *session, struct span data);
enum alive session_to_client(struct session *session, struct span data);

/* Puts a PROXY protocol header before the CONNECT, if the backend wants one. False: out of memory.
 */
MUST_USE bool session_introduce(struct session *session);

/* Whether the listener's PROXY headers are believed from where the connection comes from. */
bool session_is_from_proxy(const struct session *session);
/* Counts the connection for its source, and turns it away if that has too many or is blocked. */
enum alive session_enter_source(struct session *session);
void session_leave_source(struct session *session);
/* One of the failures that a source is blocked for. */
void session_note_failure(struct session *session);
void session_note_refusal(struct session *session, enum refusal refusal);
/* The broker's CONNACK may be such a failure too. */
void session_note_connack(struct session *session);

/* Tells the inventory of the client. */
void session_note_admitted(struct session *session);
void session_note_refused(struct session *session, enum refusal refusal);
void session_note_left(struct session *session);
/* Remembers why the client was not served; `reason` is a static word. */
void session_note_incident(const struct session *session, enum incident_kind kind,
                           const char *reason, const char *sentence);

/* Dials `backend` (an index) and goes on from there; the session may be gone afterwards. */
enum alive session_dial(struct session *session, size_t backend);
/* If it waits for a server's room: from now on by the list's snapshot, for `backend` of that. */
void session_wait_anew(struct session *session, size_t backend);
/* The broker failed before its CONNACK: `why` (a constant) goes to the log. Another one is dialled
 * while there is time; otherwise the client is told 0x88. */
enum alive session_lose_backend(struct session *session, const char *why);
/* How long a client may be silent; 0: for ever. */
uint64_t session_idle_limit_ms(const struct session *session);
/* The broker does not take what its client has sent, so that the client is not read from. */
bool session_is_stalled(const struct session *session);
/* Sets the deadline of an established session to whatever may end it first. */
void session_set_lifetime(struct session *session);
/* That deadline has come: ends the session, or sets the next one. */
enum alive session_check_lifetime(struct session *session);

/* Ends the session now; `reason` is a constant word, kept if an earlier step gave none. */
enum alive session_end(struct session *session, const char *reason);
/* Ends it without a word to the client, and counts it. */
enum alive session_turn_away(struct session *session, struct counter *counter, const char *reason);
/* Says goodbye to a client that has been told why: close_notify, FIN, then whatever it still sends
 * is thrown away, for a reset would destroy what it has not read yet. */
enum alive session_close_gently(struct session *session);
/* After an alert, if there is one. */
enum alive session_fail_handshake(struct session *session, const char *reason,
                                  const char *sentence);
/* Likewise, where the client has reset the connection: nobody is there to be waited for. */
enum alive session_lose_handshake(struct session *session, const char *sentence);
/* The CONNACK of the refusal, the log line, and a gentle close. `detail` "": the usual sentence. */
enum alive session_refuse(struct session *session, enum refusal refusal, const char *detail);
/* An established MQTT 5 client is told why its session ends, where a packet may begin. */
enum alive session_disconnect(struct session *session, uint8_t code, const char *reason);
/* The same with a DISCONNECT of one's own, of at most SESSION_LARGEST_DISCONNECT bytes. */
enum { SESSION_LARGEST_DISCONNECT = 1088 };
enum alive session_say_goodbye(struct session *session, const struct mqtt_disconnect *disconnect,
                               const char *reason);
/* One that was admitted while clients are let go is told at a random time of the spread. */
void session_leave_some_time(struct session *session);
/* Its time to leave has come: tells it, as soon as a packet to it is whole. */
enum alive session_let_go(struct session *session);
/* Calls session_let_go again when a packet from the broker to the client is whole. */
void session_await_boundary(struct session *session);
/* How long a client that is being closed has to take what it was sent, and go. */
void session_set_close_deadline(struct session *session);
/* One side is done: the other one has some time to finish. */
enum alive session_half_close(struct session *session, const char *reason);
