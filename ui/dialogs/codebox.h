// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPlainTextEdit>
#include <QSyntaxHighlighter>

namespace poolscope {

/// Colours lines of C++, Go, Java, Python, Rust and of their build files: strings, comments and the
/// words that all know. Colours nothing that it is unsure of.
class CodeHighlighter : public QSyntaxHighlighter
{
    Q_OBJECT
public:
    explicit CodeHighlighter(QTextDocument* document);
    /// What begins a comment: "#", "//", or nothing where there is none.
    void setComment(const QString& mark);
    /// Heads of tables, comments, strings and true or false, and no words of code.
    void setToml();

protected:
    void highlightBlock(const QString& text) override;

private:
    QString comment_;
    bool toml_ = false;
};

/// Code to read, select and copy; as tall as its lines, up to `mostLines`. Tab leaves it.
class CodeBox : public QPlainTextEdit
{
    Q_OBJECT
public:
    CodeBox(const QString& name, int mostLines, QWidget* parent);
    void setCode(const QString& code, const QString& comment);
    /// What is copied from it is a secret: clipboard managers are asked not to keep it.
    void setSecret(bool secret) { secret_ = secret; }

protected:
    void resizeEvent(QResizeEvent* event) override;
    QMimeData* createMimeDataFromSelection() const override;

private:
    void fit();

    CodeHighlighter* highlighter_;
    int mostLines_;
    bool secret_ = false;
};

} // namespace poolscope
