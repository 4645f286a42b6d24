// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/tokens.h"

#include <QCoreApplication>

namespace poolscope {

namespace {

QColor rgb(unsigned value)
{
    return QColor(QRgb(value));
}

Tokens makeLight()
{
    Tokens t;
    t.window = rgb(0xF3F5F7);
    t.surface = rgb(0xFFFFFF);
    t.alt = rgb(0xF8F9FB);
    t.header = rgb(0xEBEEF1);
    t.sidebar = rgb(0xE9EDF0);
    t.line = rgb(0xD8DDE3);
    t.line2 = rgb(0xB4BDC6);
    t.text = rgb(0x1B2127);
    t.text2 = rgb(0x4A545E);
    t.text3 = rgb(0x616B75);
    t.accent = rgb(0x0B6478);
    t.onAccent = rgb(0xFFFFFF);
    t.sel = rgb(0xD3E8ED);
    t.hover = rgb(0xEDF2F5);
    t.warn = rgb(0x7F5200);
    t.warnBg = rgb(0xFFF3D9);
    t.warnFill = rgb(0xE8A317);
    t.crit = rgb(0xA3241A);
    t.critBg = rgb(0xFCEAE7);
    t.critFill = rgb(0xC2402B);
    t.info = rgb(0x27589E);
    t.infoBg = rgb(0xE8F0FB);
    t.ok = rgb(0x2F6D4F);
    t.danger = rgb(0xB3271C);
    t.onDanger = rgb(0xFFFFFF);
    t.states = {rgb(0xE8A317), rgb(0xA8321E), rgb(0x4B2A8C), rgb(0x3B7DD8),
                rgb(0xC3CBD4), rgb(0x7D8790), rgb(0xD8DDE3)};
    return t;
}

Tokens makeDark()
{
    Tokens t;
    t.dark = true;
    t.window = rgb(0x14181D);
    t.surface = rgb(0x1A1F25);
    t.alt = rgb(0x1D2329);
    t.header = rgb(0x20262D);
    t.sidebar = rgb(0x12161A);
    t.line = rgb(0x2B333B);
    t.line2 = rgb(0x47525D);
    t.text = rgb(0xE4E8EC);
    t.text2 = rgb(0xB3BCC5);
    t.text3 = rgb(0x929CA6);
    t.accent = rgb(0x58BED2);
    t.onAccent = rgb(0x0E1418);
    t.sel = rgb(0x1E424D);
    t.hover = rgb(0x222930);
    t.warn = rgb(0xF0BE5A);
    t.warnBg = rgb(0x30270F);
    t.warnFill = rgb(0xEDB340);
    t.crit = rgb(0xFF957F);
    t.critBg = rgb(0x3A1E19);
    t.critFill = rgb(0xE0573A);
    t.info = rgb(0x8FBAF7);
    t.infoBg = rgb(0x1B2A40);
    t.ok = rgb(0x7CC9A0);
    t.danger = rgb(0xC8402B);
    t.onDanger = rgb(0xFFFFFF);
    t.states = {rgb(0xEDB340), rgb(0xDB4E2C), rgb(0xD3C3FF), rgb(0x3878D6),
                rgb(0x3F4852), rgb(0x838D97), rgb(0x2B333B)};
    return t;
}

} // namespace

const Tokens& lightTokens()
{
    static const Tokens tokens = makeLight();
    return tokens;
}

const Tokens& darkTokens()
{
    static const Tokens tokens = makeDark();
    return tokens;
}

QString stateName(SessionState state)
{
    const char* name = "";
    switch (state) {
    case SessionState::idle_in_transaction:
        name = QT_TRANSLATE_NOOP("SessionState", "idle in transaction");
        break;
    case SessionState::idle_in_transaction_aborted:
        name = QT_TRANSLATE_NOOP("SessionState", "idle in transaction (aborted)");
        break;
    case SessionState::waiting:
        name = QT_TRANSLATE_NOOP("SessionState", "waiting for lock");
        break;
    case SessionState::active:
        name = QT_TRANSLATE_NOOP("SessionState", "active");
        break;
    case SessionState::idle:
        name = QT_TRANSLATE_NOOP("SessionState", "idle");
        break;
    case SessionState::other:
        name = QT_TRANSLATE_NOOP("SessionState", "other");
        break;
    case SessionState::unknown:
        name = QT_TRANSLATE_NOOP("SessionState", "not reported");
        break;
    }
    return QCoreApplication::translate("SessionState", name);
}

QString stateShortName(SessionState state)
{
    if (state == SessionState::idle_in_transaction)
        return QCoreApplication::translate("SessionState", "idle in tx");
    if (state == SessionState::idle_in_transaction_aborted)
        return QCoreApplication::translate("SessionState", "idle in tx (aborted)");
    return stateName(state);
}

} // namespace poolscope
