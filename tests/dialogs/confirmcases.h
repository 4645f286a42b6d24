// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/dialogs/confirmdialog.h"

#include <QLabel>
#include <QLayout>
#include <QPushButton>
#include <QTableWidget>
#include <QTest>

namespace poolscope::support {

template <class T>
T* child(QWidget& in, const char* name)
{
    return in.findChild<T*>(QString::fromLatin1(name));
}

/// Rows for a test of keys that must not give the command.
inline void safeKeys()
{
    QTest::addColumn<int>("key");
    QTest::addColumn<bool>("onDanger");
    QTest::newRow("enter") << int(Qt::Key_Return) << false;
    QTest::newRow("keypad enter") << int(Qt::Key_Enter) << false;
    QTest::newRow("escape") << int(Qt::Key_Escape) << false;
    QTest::newRow("enter with the red button focused") << int(Qt::Key_Return) << true;
    QTest::newRow("keypad enter with the red button focused") << int(Qt::Key_Enter) << true;
}

/// Presses it on the safe button, or on the red one: it closes, and the caller sees that nothing
/// was confirmed.
inline void pressSafely(ConfirmDialog& dialog, int key, bool onDanger)
{
    dialog.show();
    QVERIFY(QTest::qWaitForWindowExposed(&dialog));
    dialog.activateWindow();
    auto* const safe = child<QPushButton>(dialog, "safe");
    QCOMPARE(dialog.focusWidget(), safe);
    QVERIFY(safe->isDefault());
    auto* const act = child<QPushButton>(dialog, "act");
    QVERIFY(!act->isDefault() && !act->autoDefault());
    QWidget* const focus = onDanger ? act : safe;
    focus->setFocus();
    QTest::keyClick(focus, static_cast<Qt::Key>(key));
    QVERIFY(!dialog.isVisible());
}

/// Every sentence has the height that it needs at its width.
inline void nothingIsCut(ConfirmDialog& dialog)
{
    dialog.show();
    QVERIFY(QTest::qWaitForWindowExposed(&dialog));
    for (const QLabel* const label : dialog.findChildren<QLabel*>()) {
        if (label->isVisible() && label->wordWrap() && !label->text().isEmpty())
            QVERIFY2(label->height() >= label->heightForWidth(label->width()),
                     qPrintable(label->text()));
    }
}

} // namespace poolscope::support
