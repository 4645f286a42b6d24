// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/texttable.h"

#include <algorithm>

#include <wchar.h>

namespace poolscope {

namespace {

struct Glyph
{
    std::size_t bytes = 1;
    int cells = 1;
};

Glyph glyph_at(std::string_view text, std::size_t at)
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

int display_width(std::string_view utf8)
{
    int width = 0;
    for (std::size_t at = 0; at < utf8.size();) {
        const Glyph glyph = glyph_at(utf8, at);
        width += glyph.cells;
        at += glyph.bytes;
    }
    return width;
}

std::string shortened(std::string_view utf8, int width)
{
    if (display_width(utf8) <= width)
        return std::string{utf8};
    if (width <= 0)
        return {};
    int used = 0;
    std::size_t at = 0;
    while (at < utf8.size()) {
        const Glyph glyph = glyph_at(utf8, at);
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
    const int missing = width - display_width(text);
    if (missing > 0)
        text.insert(right ? 0 : text.size(), static_cast<std::size_t>(missing), ' ');
    return text;
}

void TextTable::add_column(std::string_view title, bool right)
{
    columns_.push_back({std::string{title}, right});
}

void TextTable::add_row(std::vector<std::string> cells)
{
    cells.resize(columns_.size());
    rows_.push_back(std::move(cells));
}

std::vector<std::string> TextTable::lines(int width) const
{
    std::vector<int> widths;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        int widest = display_width(columns_[c].title);
        for (const auto& row : rows_)
            widest = std::max(widest, display_width(row[c]));
        widths.push_back(widest);
    }
    const auto line = [&](const auto& cell_of) {
        std::string text;
        int used = 0;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            const bool last = c + 1 == columns_.size();
            if (c > 0) {
                text += "  ";
                used += 2;
            }
            if (last && !columns_[c].right) {
                text += width > 0 ? shortened(cell_of(c), width - used) : cell_of(c);
            } else {
                text += fitted(cell_of(c), widths[c], columns_[c].right);
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

std::string joined(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += line + '\n';
    return text;
}

void add_wrapped(std::string& text, const std::string& sentence, std::size_t indent, int width)
{
    const std::string margin(indent, ' ');
    if (width <= static_cast<int>(indent) + 20) {
        text += margin + sentence + '\n';
        return;
    }
    std::string line;
    for (std::size_t at = 0; at < sentence.size();) {
        const std::size_t end = std::min(sentence.find(' ', at), sentence.size());
        const std::string word = sentence.substr(at, end - at);
        if (!line.empty() &&
            display_width(line) + 1 + display_width(word) > width - static_cast<int>(indent)) {
            text += margin + line + '\n';
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
        at = end + 1;
    }
    text += margin + line + '\n';
}

} // namespace poolscope
