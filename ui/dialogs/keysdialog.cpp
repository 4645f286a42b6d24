// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/keysdialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

namespace {

struct Section
{
    QString where;
    std::vector<std::pair<QString, QString>> keys;
};

std::vector<Section> everywhere()
{
    const auto tr = [](const char* text) {
        return KeysDialog::tr(text);
    };
    return {
        {tr("Anywhere"),
         {{tr("Ctrl+1 … Ctrl+9"), tr("pages, in the order of the sidebar")},
          {tr("Ctrl+K"), tr("find a session, a page or a target")},
          {tr("Ctrl+F or /"), tr("the page's filter")},
          {tr("Ctrl+T"), tr("attach")},
          {tr("Ctrl+Shift+T"), tr("instrument a pool")},
          {tr("Ctrl+O"), tr("open recordings")},
          {tr("Ctrl+S"), tr("save the recording")},
          {tr("Ctrl+Shift+E"), tr("incident report")},
          {tr("Ctrl+D"), tr("compare two recordings, or two ranges")},
          {tr("Ctrl+N"), tr("note at the cursor")},
          {tr("Ctrl+L"), tr("read-only on or off")},
          {tr("Ctrl+,"), tr("settings: the editor that opens a line")},
          {tr("F5"), tr("sample now")},
          {tr("Ctrl+Shift+N"), tr("another window")},
          {tr("Ctrl+W, Ctrl+Q"), tr("close this window, all of them")},
          {tr("Esc"), tr("clears the filter, then the zoom, then the selection")},
          {tr("F1"), tr("this table")}}},
    };
}

std::vector<Section> places()
{
    const auto tr = [](const char* text) {
        return KeysDialog::tr(text);
    };
    return {
        {tr("In a table"),
         {{tr("C"), tr("cancel the statement…")},
          {tr("K"), tr("terminate the session…")},
          {tr("B"), tr("to the session that blocks it")},
          {tr("J"), tr("to the session of a checkout, and back; from one that waits, to the root")},
          {tr("I"), tr("idle in transaction for over 5 min alone; I again: all")},
          {tr("A"), tr("this application alone; A again: all")},
          {tr("L"), tr("sessions like this one")},
          {tr("Ctrl+A"), tr("select all that is shown")},
          {tr("G"), tr("next grouping")},
          {tr("Ctrl+C"), tr("copy the rows")},
          {tr("Ctrl+Shift+C"), tr("copy the stack, or the line that sets what is proposed")}}},
        {tr("Time"),
         {{tr("Space"), tr("pause, play")},
          {tr("Ctrl+Left, Ctrl+Right"), tr("mark before, mark after")}}},
        {tr("On the timeline, and outside lists and fields"),
         {{tr("Left, Right"), tr("one observation back, on; with Shift 10 s")},
          {tr("Home, End"), tr("the start, the live edge")},
          {tr("+ and -"), tr("speed; with Ctrl zoom")}}},
    };
}

void addColumn(QHBoxLayout* columns, const std::vector<Section>& sections, QWidget* parent)
{
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(Theme::current().scaled(16));
    grid->setVerticalSpacing(Theme::current().scaled(6));
    int row = 0;
    for (const Section& section : sections) {
        QLabel* head = parts::label(section.where, parent);
        head->setFont(Theme::current().ui(13, QFont::DemiBold));
        head->setContentsMargins(0, row > 0 ? Theme::current().scaled(10) : 0, 0, 0);
        grid->addWidget(head, row++, 0, 1, 2);
        for (const auto& [keys, does] : section.keys) {
            grid->addWidget(parts::mono(keys, parent), row, 0, Qt::AlignTop);
            QLabel* what = parts::label(does, parent);
            what->setMinimumWidth(Theme::current().scaled(280));
            grid->addWidget(what, row++, 1);
        }
    }
    grid->setRowStretch(row, 1);
    columns->addLayout(grid);
}

QPushButton* addClose(QVBoxLayout* layout, QDialog* dialog)
{
    auto* foot = new QHBoxLayout;
    foot->addStretch();
    auto* close = new QPushButton(KeysDialog::tr("Close"), dialog);
    close->setDefault(true);
    QObject::connect(close, &QPushButton::clicked, dialog, &QDialog::accept);
    foot->addWidget(close);
    layout->addSpacing(Theme::current().scaled(8));
    layout->addLayout(foot);
    return close;
}

} // namespace

KeysDialog::KeysDialog(QWidget* parent)
    : QDialog(parent)
{
    setWindowTitle(tr("Keys"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(Theme::current().scaled(QMargins(20, 16, 20, 16)));
    auto* columns = new QHBoxLayout;
    columns->setSpacing(Theme::current().scaled(40));
    addColumn(columns, everywhere(), this);
    addColumn(columns, places(), this);
    layout->addLayout(columns);
    addClose(layout, this)->setFocus();
    // As tall as its words are at that width: a hint of wrapped ones is a guess.
    const int width = layout->sizeHint().width();
    setMinimumSize(width, layout->totalHeightForWidth(width));
}

AboutDialog::AboutDialog(QWidget* parent)
    : QDialog(parent)
{
    setWindowTitle(tr("About Poolscope"));
    setMinimumWidth(Theme::current().scaled(460));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(Theme::current().scaled(QMargins(20, 16, 20, 16)));
    layout->setSpacing(Theme::current().scaled(8));
    auto* head = new QHBoxLayout;
    head->setSpacing(Theme::current().scaled(12));
    auto* picture = new QLabel(this);
    picture->setPixmap(
        applicationIcon().pixmap(Theme::current().scaled(QSize(48, 48)), devicePixelRatioF()));
    picture->setAccessibleName(tr("Poolscope"));
    head->addWidget(picture, 0, Qt::AlignTop);
    auto* words = new QVBoxLayout;
    words->setSpacing(Theme::current().scaled(2));
    words->addWidget(parts::title(tr("Poolscope"), this));
    words->addWidget(parts::label(tr("Version %1").arg(QCoreApplication::applicationVersion()),
                                  this, "secondary"));
    head->addLayout(words, 1);
    layout->addLayout(head);
    layout->addWidget(parts::label(
        tr("Who holds my database connections, since when, and what happens if I take one away?"),
        this));
    layout->addWidget(parts::label(
        tr("Free software under the GNU General Public License, version 3 or later. What goes into "
           "applications is under the Apache License 2.0. No warranty."),
        this, "secondary"));
    layout->addWidget(parts::label(
        tr("With Qt %1 (LGPL and GPL), libpq (PostgreSQL License), SQLite (public domain), "
           "SQLiteCpp and fmt (MIT).")
            .arg(QString::fromLatin1(qVersion())),
        this, "caption"));
    addClose(layout, this)->setFocus();
}

} // namespace poolscope
