// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/dialogs/attachlist.h"

#include <QFile>
#include <QObject>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>

namespace poolscope::test {

/// Settings and services of its own for tests of the attach dialog, and its parts.
class AttachFixture : public QObject
{
protected:
    QTemporaryDir folder_;

    QString settingsFile() const { return folder_.filePath(QStringLiteral("settings.ini")); }
    static QTreeWidgetItem* itemWith(AttachList* list, const QString& target)
    {
        for (int i = 0; i < list->topLevelItemCount(); ++i)
            if (list->topLevelItem(i)->text(1) == target)
                return list->topLevelItem(i);
        return nullptr;
    }
    /// What is found aside comes later.
    static QTreeWidgetItem* waitFor(AttachList* list, const QString& target)
    {
        const bool there =
            QTest::qWaitFor([&] { return itemWith(list, target) != nullptr; }, 10000);
        return there ? itemWith(list, target) : nullptr;
    }
    static QPushButton* button(QWidget& in, const QString& text)
    {
        for (QPushButton* candidate : in.findChildren<QPushButton*>())
            if (candidate->text().remove(QLatin1Char('&')) == text)
                return candidate;
        return nullptr;
    }
    void nameServices()
    {
        QFile services(folder_.filePath(QStringLiteral("services")));
        QVERIFY(services.open(QIODevice::WriteOnly));
        services.write("[shop-db]\nhost=db1.example\nport=5432\n[billing]\nhost=db2.example\n");
        services.close();
        qputenv("PGSERVICEFILE", services.fileName().toLocal8Bit());
    }
};

} // namespace poolscope::test
