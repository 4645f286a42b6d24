// SPDX-License-Identifier: Apache-2.0
#include "core/base/sqlname.h"

#include <QTest>

using namespace poolscope;

class TestSqlName : public QObject
{
    Q_OBJECT
private slots:
    void names();
};

void TestSqlName::names()
{
    QCOMPARE(sql_name("shop"), std::string("\"shop\""));
    QCOMPARE(sql_name("order"), std::string("\"order\""));
    QCOMPARE(sql_name("Shop \"2\""), std::string("\"Shop \"\"2\"\"\""));
    QCOMPARE(sql_name(""), std::string("\"\""));
}

QTEST_APPLESS_MAIN(TestSqlName)
#include "tst_sqlname.moc"
