// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/slimoptional.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

class TestSlimOptional : public QObject
{
    Q_OBJECT
private slots:
    void readsAsAnOptional();
    void comparesAsOneDoes();
    void isAsWideAsItsValue();
};

void TestSlimOptional::readsAsAnOptional()
{
    SlimOptional<Duration> held;
    QVERIFY(!held && !held.has_value());
    QCOMPARE(held.value_or(7us), 7us);
    QVERIFY_THROWS_EXCEPTION(std::bad_optional_access, static_cast<void>(held.value()));
    held = 5s;
    QVERIFY(held);
    QCOMPARE(*held, Duration{5s});
    QCOMPARE(held.value(), Duration{5s});
    QCOMPARE(held->count(), 5'000'000);
    QCOMPARE(held.value_or(7us), Duration{5s});
    held.reset();
    QVERIFY(!held);
    held = Duration{0};
    QVERIFY(held);
    held = std::nullopt;
    QVERIFY(!held);
    held = Duration::max();
    QCOMPARE(*held, Duration::max());
    held = {};
    QVERIFY(!held);
    SlimOptional<std::int64_t> pid = std::optional<std::int64_t>{-1};
    QCOMPARE(*pid, -1);
    pid = std::optional<std::int64_t>{};
    QVERIFY(!pid);
    const std::optional<std::int64_t> wide = pid;
    QVERIFY(!wide);
    pid = 4711;
    const std::optional<std::int64_t> other = pid;
    QCOMPARE(other.value(), 4711);
}

void TestSlimOptional::comparesAsOneDoes()
{
    const SlimOptional<Timestamp> none;
    const SlimOptional<Timestamp> epoch = Timestamp{};
    QVERIFY(none == none && epoch == epoch && none != epoch);
    QVERIFY(none == std::optional<Timestamp>{} && std::optional<Timestamp>{} == none);
    QVERIFY(epoch == std::optional<Timestamp>{Timestamp{}});
    QVERIFY(epoch != std::optional<Timestamp>{} && std::optional<Timestamp>{} != epoch);
    QVERIFY(none != std::optional<Timestamp>{Timestamp{}});
    QVERIFY(epoch == Timestamp{} && none != Timestamp{} && none == std::nullopt);
}

void TestSlimOptional::isAsWideAsItsValue()
{
    QCOMPARE(sizeof(SlimOptional<Timestamp>), sizeof(Timestamp));
    QCOMPARE(sizeof(SlimOptional<std::int64_t>), sizeof(std::int64_t));
}

QTEST_APPLESS_MAIN(TestSlimOptional)
#include "tst_slimoptional.moc"
