// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/targetnames.h"

#include <QTest>

using namespace poolscope;

class TestTargetNames : public QObject
{
    Q_OBJECT
private slots:
    void told_data();
    void told();
};

void TestTargetNames::told_data()
{
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArray>("url");
    QTest::addColumn<QByteArrayList>("taken");
    QTest::addColumn<QByteArray>("expected");

    using Names = QByteArrayList;
    const auto row = [](const char* what, const char* name, const char* url, const Names& taken,
                        const char* expected) {
        QTest::newRow(what) << QByteArray(name) << QByteArray(url) << taken << QByteArray(expected);
    };
    row("alone", "db/shop", "postgresql://db:5433/shop", {"db/crm"}, "db/shop");
    row("port", "db/shop", "postgresql://u@db:5433/shop?x=1", {"db/shop"}, "db:5433/shop");
    row("conninfo", "db/shop", "host=db port=5433 dbname=shop", {"db/shop"}, "db:5433/shop");
    row("without a database", "db", "mysql://db:3307", {"db"}, "db:3307");
    row("address in brackets", "::1/shop", "postgresql://[::1]:5433/shop", {"::1/shop"},
        "::1:5433/shop");
    row("brackets, no port", "::1/shop", "postgresql://[::1]/shop", {"::1/shop"}, "::1/shop (2)");
    row("no port", "db/shop", "service=shop", {"db/shop"}, "db/shop (2)");
    row("the same again", "db/shop", "postgresql://db:5433/shop", {"db/shop", "db:5433/shop"},
        "db/shop (2)");
    row("and again", "db", "postgresql://db/", {"db", "db (2)"}, "db (3)");
    row("named by its port already", "db:80", "prometheus+http://db:80/m", {"db:80"}, "db:80 (2)");
    row("several hosts", "a/shop", "postgresql://a:1,b:2/shop", {"a/shop"}, "a/shop (2)");
    row("what is no port", "db", "postgresql://db:x<b>1/", {"db"}, "db (2)");
}

void TestTargetNames::told()
{
    QFETCH(const QByteArray, name);
    QFETCH(const QByteArray, url);
    QFETCH(const QByteArrayList, taken);
    QFETCH(const QByteArray, expected);

    TargetInfo target;
    target.kind = "postgresql";
    target.name = name.toStdString();
    target.url = url.toStdString();
    std::set<std::string> names;
    for (const QByteArray& each : taken)
        names.insert(each.toStdString());
    QCOMPARE(QByteArray::fromStdString(distinct_name(target, names)), expected);
}

QTEST_GUILESS_MAIN(TestTargetNames)
#include "tst_targetnames.moc"
