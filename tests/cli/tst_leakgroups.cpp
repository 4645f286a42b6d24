// SPDX-License-Identifier: GPL-3.0-or-later
// Leaks that are acquired at one line for several callers: each is told from the others in every
// form that the command line has.
#include "app/cli/objects.h"
#include "app/cli/prose.h"
#include "app/cli/screen.h"
#include "tests/support/poolscene.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;

class TestLeakGroups : public QObject
{
    Q_OBJECT

    PoolScene scene_;
    Picture picture_;
    const QString line_ = QStringLiteral("shop::place_order (src/checkout.cpp:88) by way of ");

private slots:
    void initTestCase()
    {
        scene_.putByAnotherWay("other");
        picture_.apply(scene_.whole());
    }

    void json()
    {
        JsonWriter json;
        json.begin_array();
        writeLeaks(json, picture_);
        json.end_array();
        const QJsonArray leaks =
            QJsonDocument::fromJson(QByteArray::fromStdString(json.text())).array();
        QMap<QString, int> groups;
        for (const QJsonValue& leak : leaks)
            ++groups[leak.toObject().value(QStringLiteral("group")).toString()];
        QCOMPARE(groups, (QMap<QString, int>{{line_ + QStringLiteral("refund.cpp:12"), 1},
                                             {line_ + QStringLiteral("routes.cpp:203"), 14}}));
    }
    void screen()
    {
        QString all;
        for (const std::string& each : screenLines(picture_, {200, 60}, false, ""))
            all += QString::fromStdString(each) + QLatin1Char('\n');
        QVERIFY2(all.contains(line_ + QStringLiteral("refund.cpp:12")), qPrintable(all));
        QVERIFY2(all.contains(line_ + QStringLiteral("routes.cpp:203")), qPrintable(all));
    }
};

QTEST_APPLESS_MAIN(TestLeakGroups)
#include "tst_leakgroups.moc"
