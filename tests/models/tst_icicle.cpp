// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/icicle.h"

#include <QTest>

#include <random>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

StackLine own(const char* function, const char* file, int line)
{
    return {Text{function}, Text{file}, line, true};
}

StackLine library(const char* function)
{
    return {Text{function}, {}, 0, false};
}

/// main → (two library lines) → route → query → (the pool)
StackRef stackAt(int line)
{
    return make_stack({library("Pool::acquire"), own("query", "orders.cpp", line),
                       own("route", "http.cpp", 9), library("dispatch"), library("loop"),
                       own("main", "main.cpp", 1)});
}

IciclePlace held(Duration time, StackRef stack, const char* pool = "orders")
{
    IciclePlace place;
    place.target = Text{"shop-api"};
    place.pool = Text{pool};
    place.stack = std::move(stack);
    place.held = time;
    place.checkouts = 1;
    return place;
}

} // namespace

class TestIcicle : public QObject
{
    Q_OBJECT
private slots:
    void goesFromTheOutermostLineToTheAcquiringOne();
    void sharesFollowTheWeight();
    void siblingsComeHeaviestFirst();
    void onlyTheAcquiringLineIsSuspected();
    void withoutAStackItSaysSo();
    void nothingHeldIsNothingShown();
    void childrenNeverOutgrowTheirParent();
    void aMatchInsideAMatchCountsOnce();
};

void TestIcicle::goesFromTheOutermostLineToTheAcquiringOne()
{
    const auto cells = layOutIcicle({held(10s, stackAt(41))}, IcicleWeight::held);
    QCOMPARE(cells.size(), 7U);
    QCOMPARE(cells[0].kind, IcicleKind::all);
    QCOMPARE(cells[1].function.str(), std::string("shop-api"));
    QCOMPARE(cells[2].function.str(), std::string("orders"));
    QCOMPARE(cells[3].function.str(), std::string("main"));
    QCOMPARE(cells[4].kind, IcicleKind::library);
    QCOMPARE(cells[4].frames, 2);
    QCOMPARE(cells[5].function.str(), std::string("route"));
    QCOMPARE(cells[6].line, 41);
    for (std::size_t i = 1; i < cells.size(); ++i)
        QCOMPARE(cells[i].parent, static_cast<int>(i) - 1);
}

void TestIcicle::sharesFollowTheWeight()
{
    IciclePlace often = held(10s, stackAt(41));
    often.checkouts = 99;
    const std::vector<IciclePlace> places{often, held(30s, stackAt(88))};
    const auto byTime = layOutIcicle(places, IcicleWeight::held);
    QCOMPARE(byTime[6].line, 88);
    QCOMPARE(byTime[6].share, 0.75);
    QCOMPARE(byTime[7].from, 0.75);
    const auto byCount = layOutIcicle(places, IcicleWeight::checkouts);
    QCOMPARE(byCount[6].line, 41);
    QCOMPARE(byCount[6].share, 0.99);
    QVERIFY(layOutIcicle(places, IcicleWeight::open).empty());
}

void TestIcicle::siblingsComeHeaviestFirst()
{
    const auto cells = layOutIcicle(
        {held(1s, stackAt(1)), held(5s, stackAt(2), "reports"), held(3s, stackAt(3), "catalog")},
        IcicleWeight::held);
    std::vector<std::string> pools;
    for (const IcicleCell& cell : cells)
        if (cell.kind == IcicleKind::pool)
            pools.push_back(cell.function.str());
    QCOMPARE(pools, (std::vector<std::string>{"reports", "catalog", "orders"}));
}

void TestIcicle::onlyTheAcquiringLineIsSuspected()
{
    IciclePlace leak = held(10s, stackAt(41));
    leak.suspected = true;
    for (const IcicleCell& cell : layOutIcicle({leak, held(5s, stackAt(88))}, IcicleWeight::held))
        QCOMPARE(cell.suspected, cell.line == 41);
}

void TestIcicle::withoutAStackItSaysSo()
{
    const auto cells = layOutIcicle({held(10s, nullptr)}, IcicleWeight::held);
    QCOMPARE(cells.size(), 4U);
    QCOMPARE(cells[3].kind, IcicleKind::none);
    // Nothing but library lines: the innermost stands for the place.
    const auto foreign = layOutIcicle({held(10s, make_stack({library("acquire"), library("run")}))},
                                      IcicleWeight::held);
    QCOMPARE(foreign.back().function.str(), std::string("acquire"));
}

void TestIcicle::nothingHeldIsNothingShown()
{
    QVERIFY(layOutIcicle({}, IcicleWeight::held).empty());
    QVERIFY(layOutIcicle({held(0s, stackAt(1))}, IcicleWeight::held).empty());
}

void TestIcicle::childrenNeverOutgrowTheirParent()
{
    std::mt19937 random(7);
    std::vector<IciclePlace> places;
    for (int i = 0; i < 400; ++i) {
        std::vector<StackLine> lines;
        for (auto depth = random() % 12; depth > 0; --depth)
            lines.push_back({Text{"f" + std::to_string(random() % 5)}, Text{"a.cpp"},
                             static_cast<int>(random() % 3), random() % 2 == 0});
        places.push_back(held(Duration{random() % 1000}, make_stack(std::move(lines)),
                              random() % 2 == 0 ? "orders" : "reports"));
    }
    const auto cells = layOutIcicle(places, IcicleWeight::held);
    std::map<int, double> below;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const IcicleCell& cell = cells[i];
        QVERIFY(cell.parent < static_cast<int>(i));
        if (cell.parent < 0)
            continue;
        const IcicleCell& parent = cells[static_cast<std::size_t>(cell.parent)];
        QCOMPARE(cell.depth, parent.depth + 1);
        QVERIFY(cell.from >= parent.from - 1e-9);
        QVERIFY(cell.from + cell.share <= parent.from + parent.share + 1e-9);
        below[cell.parent] += cell.share;
    }
    for (const auto& [parent, share] : below)
        QVERIFY(share <= cells[static_cast<std::size_t>(parent)].share + 1e-9);
    QVERIFY(cells.size() > 100);
}

void TestIcicle::aMatchInsideAMatchCountsOnce()
{
    const auto cells =
        layOutIcicle({held(10s, stackAt(41)), held(30s, stackAt(88))}, IcicleWeight::held);
    std::vector<int> matches;
    QCOMPARE(matchIcicle(cells, "ORDERS.cpp", matches), 1.0);
    QCOMPARE(matches.size(), 2U);
    // The pool "orders" holds both lines of orders.cpp.
    QCOMPARE(matchIcicle(cells, "orders", matches), 1.0);
    QCOMPARE(matches.size(), 3U);
    QCOMPARE(matchIcicle(cells, "nowhere", matches), 0.0);
    QCOMPARE(matchIcicle(cells, "", matches), 0.0);
    QVERIFY(matches.empty());
}

QTEST_APPLESS_MAIN(TestIcicle)
#include "tst_icicle.moc"
