// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/texttable.h"

#include <algorithm>

#include <wchar.h>

namespace poolscope {

namespace {

struct Glyph
{
    std::size_t bytes = 1;
    int cells = 1;
};

Glyph glyphAt(std::string_view text, std::size_t at)
{
    const auto byte = [&](std::size_t i) {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    const unsigned first = byte(0);
    Glyph glyph;
    unsigned code = first;
    if (first >= 0xf0) {
        glyph.bytes = 4;
        code =
            (first & 7U) << 18U | (byte(1) & 63U) << 12U | (byte(2) & 63U) << 6U | (byte(3) & 63U);
    } else if (first >= 0xe0) {
        glyph.bytes = 3;
        code = (first & 15U) << 12U | (byte(1) & 63U) << 6U | (byte(2) & 63U);
    } else if (first >= 0xc0) {
        glyph.bytes = 2;
        code = (first & 31U) << 6U | (byte(1) & 63U);
    }
    glyph.bytes = std::min(glyph.bytes, text.size() - at);
    const int cells = ::wcwidth(static_cast<wchar_t>(code));
    glyph.cells = cells < 0 ? 1 : cells;
    return glyph;
}

} // namespace

int displayWidth(std::string_view utf8)
{
    int width = 0;
    for (std::size_t at = 0; at < utf8.size();) {
        const Glyph glyph = glyphAt(utf8, at);
        width += glyph.cells;
        at += glyph.bytes;
    }
    return width;
}

std::string shortened(std::string_view utf8, int width)
{
    if (displayWidth(utf8) <= width)
        return std::string{utf8};
    if (width <= 0)
        return {};
    int used = 0;
    std::size_t at = 0;
    while (at < utf8.size()) {
        const Glyph glyph = glyphAt(utf8, at);
        if (used + glyph.cells > width - 1)
            break;
        used += glyph.cells;
        at += glyph.bytes;
    }
    return std::string{utf8.substr(0, at)} + "…";
}

std::string fitted(std::string_view utf8, int width, bool right)
{
    std::string text = shortened(utf8, width);
    const int missing = width - displayWidth(text);
    if (missing > 0)
        text.insert(right ? 0 : text.size(), static_cast<std::size_t>(missing), ' ');
    return text;
}

void TextTable::addColumn(std::string_view title, bool right)
{
    columns_.push_back({std::string{title}, right});
}

void TextTable::addRow(std::vector<std::string> cells)
{
    cells.resize(columns_.size());
    rows_.push_back(std::move(cells));
}

std::vector<std::string> TextTable::lines(int width) const
{
    std::vector<int> widths;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        int widest = displayWidth(columns_[c].title);
        for (const auto& row : rows_)
            widest = std::max(widest, displayWidth(row[c]));
        widths.push_back(widest);
    }
    const auto line = [&](const auto& cellOf) {
        std::string text;
        int used = 0;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            const bool last = c + 1 == columns_.size();
            if (c > 0) {
                text += "  ";
                used += 2;
            }
            if (last && !columns_[c].right) {
                text += width > 0 ? shortened(cellOf(c), width - used) : cellOf(c);
            } else {
                text += fitted(cellOf(c), widths[c], columns_[c].right);
                used += widths[c];
            }
        }
        text.erase(text.find_last_not_of(' ') + 1);
        return width > 0 ? shortened(text, width) : text;
    };
    std::vector<std::string> all;
    all.push_back(line([this](std::size_t c) { return columns_[c].title; }));
    for (const auto& row : rows_)
        all.push_back(line([&row](std::size_t c) { return row[c]; }));
    return all;
}

} // namespace poolscope
