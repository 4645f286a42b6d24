// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/session.h"

#include <QColor>
#include <QString>

#include <array>

namespace poolscope {

/// Every colour the window uses: one struct, two values. No other file holds a colour of its own.
struct Tokens
{
    bool dark = false;

    QColor window;  ///< page ground
    QColor surface; ///< tables, panels, edits
    QColor alt;     ///< group rows
    QColor header;  ///< table and section heads
    QColor sidebar; ///< sidebar, timeline strip
    QColor line;    ///< hairlines
    QColor line2;   ///< borders of controls
    QColor text;
    QColor text2;
    QColor text3;  ///< captions; on sel use captionOn()
    QColor accent; ///< focus, links, default button; never data
    QColor onAccent;
    QColor sel;
    QColor hover;
    QColor warn, warnBg, warnFill; ///< text, ground, glyph
    QColor crit, critBg, critFill;
    QColor info, infoBg; ///< text and glyph, ground; replay uses these
    QColor ok;           ///< strings in SQL only
    QColor danger;       ///< the confirming button of a termination
    QColor onDanger;
    std::array<QColor, session_state_count> states; ///< by SessionState, see state()

    const QColor& state(SessionState s) const { return states[static_cast<std::size_t>(s)]; }
    /// Captions on a selected row would be too faint in text3.
    const QColor& captionOn(bool selected) const { return selected ? text2 : text3; }
};

const Tokens& lightTokens();
const Tokens& darkTokens();

/// "idle in transaction (aborted)"
QString stateName(SessionState state);
/// Where a column is narrow: "idle in tx (aborted)"
QString stateShortName(SessionState state);

/// Sizes in px at 96 dpi, on a 4 px grid.
namespace metrics {
inline constexpr int unit = 4;
inline constexpr int pageMargin = 16;
inline constexpr int panelGap = 16;
inline constexpr int panelPadding = 12;
inline constexpr int cellPadding = 8;
inline constexpr int tableHead = 24;
inline constexpr int panelHead = 32;
inline constexpr int sectionHead = 28;
inline constexpr int control = 26;
inline constexpr int icon = 16;
inline constexpr int glyph = 12;
inline constexpr int sidebarRow = 28;
inline constexpr int banner = 28;
inline constexpr int stripHeight = 72;
inline constexpr int marksLane = 18;
inline constexpr int transportWidth = 200;
inline constexpr int chartLabels = 172; ///< the column of direct labels right of a plot
inline constexpr int chartLabelStep = 15;
inline constexpr int chartMinimum = 180;
inline constexpr int proseMeasure = 110;    ///< characters: longer lines are hard to read
inline constexpr double oldGlyph = 0.5;     ///< opacity of glyphs whose values are old
inline constexpr double afterCursor = 0.38; ///< opacity of what lies after the cursor
} // namespace metrics

} // namespace poolscope
