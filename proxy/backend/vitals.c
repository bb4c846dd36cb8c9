// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/vitals.h"

static bool turn(struct vitals *vitals, bool down)
{
    vitals->down = down;
    vitals->checks = 0;
    vitals->dials = 0;
    return true;
}

bool vitals_check(struct vitals *vitals, const struct vitals_rule *rule, bool good)
{
    bool first = !vitals->checked;
    vitals->checked = true;
    if (good != vitals->down) {
        vitals->checks = 0;
        return false;
    }
    vitals->checks++;
    unsigned needed = good ? rule->rise : rule->fall;
    if (!first && vitals->checks < needed) return false;
    return turn(vitals, !good);
}

/* Whoever waits for checks is not tried, so that the pause is the one of before at most. */
static void put_off(struct vitals *vitals, uint64_t now_ms)
{
    vitals->pause_ms = vitals->pause_ms == 0 ? VITALS_FIRST_PAUSE_MS : vitals->pause_ms * 2;
    if (vitals->pause_ms > VITALS_LONGEST_PAUSE_MS) vitals->pause_ms = VITALS_LONGEST_PAUSE_MS;
    vitals->retry_ms = now_ms + vitals->pause_ms;
}

bool vitals_dial(struct vitals *vitals, const struct vitals_rule *rule, bool good, uint64_t now_ms)
{
    if (good) {
        vitals->dials = 0;
        if (vitals->down && rule->checked) return false; /* begun before it was down */
        vitals->pause_ms = 0;
        return vitals->down && turn(vitals, false);
    }
    vitals->dials++;
    if (vitals->down) {
        /* Others of the dials that made it down may still be failing. */
        if (now_ms >= vitals->retry_ms) put_off(vitals, now_ms);
        return false;
    }
    if (vitals->dials < VITALS_DIALS) return false;
    put_off(vitals, now_ms);
    return turn(vitals, true);
}

bool vitals_take_dial(struct vitals *vitals, const struct vitals_rule *rule, uint64_t now_ms)
{
    if (!vitals->down) return true;
    if (rule->checked || now_ms < vitals->retry_ms) return false;
    put_off(vitals, now_ms);
    return true;
}

bool vitals_in_doubt(const struct vitals *vitals)
{
    return vitals->down || vitals->checks > 0 || vitals->dials > 0;
}
