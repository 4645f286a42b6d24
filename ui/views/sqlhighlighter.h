// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSyntaxHighlighter>

namespace poolscope {

/// Colours SQL: keywords, strings (also dollar-quoted), numbers, comments. Colours nothing it is
/// unsure of.
class SqlHighlighter : public QSyntaxHighlighter
{
    Q_OBJECT
public:
    explicit SqlHighlighter(QTextDocument* document);

protected:
    void highlightBlock(const QString& text) override;

private:
    enum State { normal = 0, inString = 1, inComment = 2 };
};

} // namespace poolscope
