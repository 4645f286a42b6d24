// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/cells.h"

#include "app/cli/prose.h"
#include "app/cli/texttable.h"

#include <algorithm>

namespace poolscope {

std::string shown(const Text& text, std::size_t mostBytes)
{
    return text.empty() ? "-" : cleaned(text, mostBytes);
}

std::string joined(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += line + '\n';
    return text;
}

void addWrapped(std::string& text, const std::string& sentence, std::size_t indent, int width)
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
            displayWidth(line) + 1 + displayWidth(word) > width - static_cast<int>(indent)) {
            text += margin + line + '\n';
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
        at = end + 1;
    }
    text += margin + line + '\n';
}

} // namespace poolscope
