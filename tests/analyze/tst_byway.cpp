// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/byway.h"

#include <QTest>

#include <algorithm>

using namespace poolscope;

namespace {

StackLine line(const char* file, int number, bool own = true)
{
    return {Text{std::string{"in "} + file}, Text{file}, number, own};
}

/// As an application's helper has it: below it the pool, above it its callers.
StackRef by(std::vector<StackLine> callers)
{
    std::vector<StackLine> lines{line("lib/pool.py", 90, false), line("app/db.py", 12)};
    lines.insert(lines.end(), callers.begin(), callers.end());
    return make_stack(std::move(lines));
}

using Ways = std::vector<std::string>;

} // namespace

class TestByWay : public QObject
{
    Q_OBJECT
private slots:
    void callersTellThemApart()
    {
        QCOMPARE(ways_apart({by({line("app/orders.py", 88)}), by({line("app/web.py", 7)})}),
                 (Ways{"orders.py:88", "web.py:7"}));
    }
    void whatTheyShareIsLeftOut()
    {
        const StackLine shared = line("app/unit.py", 30);
        QCOMPARE(ways_apart({by({shared, line("app/orders.py", 88), line("app/main.py", 1)}),
                             by({shared, line("app/web.py", 7), line("app/main.py", 1)})}),
                 (Ways{"orders.py:88", "web.py:7"}));
    }
    /// Two of three part later than the third.
    void eachIsToldFromEachOther()
    {
        const StackLine web = line("app/web.py", 7);
        QCOMPARE(ways_apart({by({web, line("app/admin.py", 12)}), by({web, line("app/shop.py", 3)}),
                             by({line("app/orders.py", 88)})}),
                 (Ways{"web.py:7, admin.py:12", "web.py:7, shop.py:3", "orders.py:88"}));
    }
    void oneThatEndsIsTheOneWithout()
    {
        QCOMPARE(ways_apart({by({}), by({line("app/web.py", 7)})}), (Ways{"", "web.py:7"}));
    }
    /// A framework between the application's lines says nothing that those do not say.
    void librariesComeLast()
    {
        const auto flask = [](int number) {
            return line("lib/flask.py", number, false);
        };
        QCOMPARE(ways_apart({by({flask(1), line("app/web.py", 7)}),
                             by({flask(2), line("app/admin.py", 12)})}),
                 (Ways{"web.py:7", "admin.py:12"}));
        QCOMPARE(ways_apart({by({flask(1)}), by({flask(2)})}), (Ways{"flask.py:1", "flask.py:2"}));
    }
    void byFunctionOrFolderWhereOnlyThatDiffers()
    {
        StackLine other = line("app/web.py", 7);
        other.function = Text{"refund"};
        QCOMPARE(ways_apart({by({line("app/web.py", 7)}), by({other})}),
                 (Ways{"in app/web.py (web.py:7)", "refund (web.py:7)"}));
        StackLine old = line("old/web.py", 7);
        old.function = line("app/web.py", 7).function;
        QCOMPARE(ways_apart({by({line("app/web.py", 7)}), by({old})}),
                 (Ways{"app/web.py:7", "old/web.py:7"}));
    }
    void nothingTellsThemApart()
    {
        QCOMPARE(ways_apart({by({line("app/web.py", 7)}), by({line("app/web.py", 7)})}),
                 (Ways{"", ""}));
        QCOMPARE(ways_apart({nullptr, nullptr}), (Ways{"", ""}));
        QCOMPARE(ways_apart({by({})}), Ways{""});
        QCOMPARE(ways_apart({}), Ways{});
    }
    /// However many, and however deep: a bounded piece of work, and words that one can read.
    void hostileNumbers()
    {
        std::vector<StackRef> deep;
        for (int i = 0; i < 64; ++i) {
            std::vector<StackLine> callers;
            for (int depth = 0; depth < 200; ++depth)
                callers.push_back(line("a.py", depth == i ? 1000 + i : depth));
            deep.push_back(by(callers));
        }
        const Ways ways = ways_apart(deep);
        QCOMPARE(ways.size(), deep.size());
        for (const std::string& way : ways)
            QVERIFY(std::count(way.begin(), way.end(), ',') <= 2);
        std::vector<StackRef> many(10'000, by({line("app/web.py", 7)}));
        QCOMPARE(ways_apart(many), Ways(many.size()));
    }
};

QTEST_APPLESS_MAIN(TestByWay)
#include "tst_byway.moc"
