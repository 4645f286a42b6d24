// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

// Plain text for a terminal or a file, whoever writes it.

/// How many cells of a terminal a text takes. A character that the terminal cannot show counts as
/// one.
int display_width(std::string_view utf8);
/// Exactly `width` cells: filled with spaces, or cut with "…" at its end.
std::string fitted(std::string_view utf8, int width, bool right = false);
/// At most `width` cells.
std::string shortened(std::string_view utf8, int width);

/// Columns as wide as their content; the last one may be cut to what is left of a width.
class TextTable
{
public:
    void add_column(std::string_view title, bool right = false);
    void add_row(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }
    /// Lines without line ends. Width 0: as wide as it gets.
    std::vector<std::string> lines(int width = 0) const;

private:
    struct Column
    {
        std::string title;
        bool right = false;
    };
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

/// Each with the end of its line.
std::string joined(const std::vector<std::string>& lines);
/// Words on lines of at most `width` cells, each behind `indent`; 0: on one line.
void add_wrapped(std::string& text, const std::string& sentence, std::size_t indent, int width);

} // namespace poolscope
