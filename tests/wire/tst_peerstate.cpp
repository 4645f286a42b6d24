// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/wire/transcript.h"

#include "core/wire/encoder.h"

#include <QTest>

#include <algorithm>
#include <memory>

using namespace poolscope;
using namespace poolscope::test;

namespace {

struct Bench
{
    Notes notes;
    wire::PeerState peer{notes, 100'000};

    void say(std::uint64_t n, wire::Body body) { peer.take({n, std::move(body)}); }
    void hello(std::uint64_t n, std::uint64_t version = 1)
    {
        const wire::PoolInfo pools[] = {{"a", "test", "", {}}, {"b", "test", "", {}}};
        wire::Hello hello;
        hello.version = version;
        hello.pools = pools;
        say(n, hello);
    }
    void ready(std::uint64_t n) { say(n, wire::Ready{}); }
    void checkout(std::uint64_t n, std::string_view id, bool open = false,
                  std::string_view pool = "a")
    {
        wire::Checkout checkout;
        checkout.pool = pool;
        checkout.id = id;
        checkout.open = open;
        say(n, checkout);
    }
    void checkin(std::uint64_t n, std::string_view id) { say(n, wire::Checkin{"a", id, {}, {}}); }
};

/// Keeps a number with each checkout and connection, and notes which it is asked about.
class Keeper final : public Notes
{
public:
    void appeared(const wire::Message& message) override { happened(message); }
    void happened(const wire::Message& message) override
    {
        const bool begins = std::holds_alternative<wire::Checkout>(message.body) ||
                            std::holds_alternative<wire::Open>(message.body);
        if (begins && kept() == nullptr)
            kept() = numbers.at(next++).get();
        note();
    }
    void checkout_vanished(std::string_view, std::string_view) override { note(); }
    void connection_vanished(std::string_view, std::string_view) override { note(); }

    std::vector<int> asked; ///< 0: nothing was kept

private:
    void note()
    {
        const auto* const number = static_cast<const int*>(kept());
        asked.push_back(number ? *number : 0);
    }
    std::vector<std::unique_ptr<int>> numbers = [] {
        std::vector<std::unique_ptr<int>> made;
        for (int i = 1; i < 10; ++i)
            made.push_back(std::make_unique<int>(i));
        return made;
    }();
    std::size_t next = 0;
};

} // namespace

class TestPeerState : public QObject
{
    Q_OBJECT
private slots:
    void nothingBeforeHello();
    void laterVersionIsNotGuessed();
    void duplicateIds();
    void checkinWithoutCheckout();
    void connectionsOfTwoPoolsAreTwo();
    void poolsThatHelloDoesNotName();
    void poolsComeAndGoForEver();
    void lostWithoutJump();
    void hundredThousandOpen();
    void whatIsKeptComesWithEachMessage();
};

void TestPeerState::nothingBeforeHello()
{
    Bench b;
    b.checkout(1, "x");
    b.ready(1);
    QVERIFY(b.notes.said.empty());
    QCOMPARE(b.peer.figures().stray, std::uint64_t{2});
    QCOMPARE(b.peer.open_checkouts(), std::size_t{0});
}

void TestPeerState::laterVersionIsNotGuessed()
{
    Bench b;
    b.hello(0, 2);
    b.checkout(1, "x");
    b.say(0, wire::Challenge{2, "nonce"});
    const std::vector<std::string> wanted{"unsupported 2", "unsupported 2"};
    QCOMPARE(b.notes.said, wanted);
}

void TestPeerState::duplicateIds()
{
    Bench b;
    b.hello(0);
    b.checkout(0, "x", true);
    b.checkout(0, "x", true);
    b.ready(0);
    b.checkout(1, "x");
    QCOMPARE(b.peer.figures().open_again, std::uint64_t{2});
    QCOMPARE(b.peer.open_checkouts(), std::size_t{1});
    QCOMPARE(b.notes.said.back(), std::string("ready"));
    b.checkin(2, "x");
    QCOMPARE(b.peer.open_checkouts(), std::size_t{0});
}

void TestPeerState::checkinWithoutCheckout()
{
    Bench b;
    b.hello(0);
    b.ready(0);
    b.checkin(1, "never");
    b.say(2, wire::Beat{"a", "never", {}});
    b.say(3, wire::Use{"a", "never", {}, true, {}});
    QCOMPARE(b.peer.figures().not_open, std::uint64_t{3});
    QCOMPARE(b.peer.figures().not_lent, std::uint64_t{1});
    QCOMPARE(b.notes.said.back(), std::string("ready"));
    QVERIFY(!b.peer.wants_resync());
}

void TestPeerState::connectionsOfTwoPoolsAreTwo()
{
    Bench b;
    b.hello(0);
    b.say(0, wire::Open{"a", "1", {}, {}, {}});
    b.say(0, wire::Open{"b", "1", {}, {}, {}});
    b.ready(0);
    QCOMPARE(b.peer.open_connections(), std::size_t{2});
    b.say(1, wire::Close{"b", "1", {}, {}});
    QCOMPARE(b.peer.open_connections(), std::size_t{1});
    b.hello(1);
    b.ready(1);
    QCOMPARE(b.notes.said[b.notes.said.size() - 2], std::string("connection vanished a 1"));
    QCOMPARE(b.peer.open_connections(), std::size_t{0});
}

void TestPeerState::poolsThatHelloDoesNotName()
{
    Bench b;
    b.hello(0);
    b.ready(0);
    b.checkout(1, "x", false, "c");
    b.say(2, wire::Wait{"c", {}, 3});
    QCOMPARE(b.peer.figures().unknown_pool, std::uint64_t{2});
    QCOMPARE(b.peer.open_checkouts(), std::size_t{0});
}

void TestPeerState::poolsComeAndGoForEver()
{
    Bench b;
    b.hello(0);
    b.checkout(0, "x", true);
    b.ready(0);
    for (int i = 0; i < 20'000; ++i) {
        const std::string name = "pool" + std::to_string(i);
        const wire::PoolInfo pools[] = {{name, "", "", {}}};
        wire::Hello hello;
        hello.pools = pools;
        b.say(0, hello);
        b.checkout(0, "y", true, name);
        b.ready(0);
    }
    QCOMPARE(b.peer.open_checkouts(), std::size_t{1});
    QCOMPARE(std::count(b.notes.said.begin(), b.notes.said.end(), "vanished a x"), 1);
}

void TestPeerState::lostWithoutJump()
{
    Bench b;
    b.hello(10);
    b.ready(10);
    b.say(10, wire::Lost{5});
    QCOMPARE(b.notes.said.back(), std::string("gap 5"));
    QVERIFY(b.peer.wants_resync());
    b.hello(16);
    QVERIFY(!b.peer.wants_resync());
}

void TestPeerState::hundredThousandOpen()
{
    Bench b;
    b.hello(0);
    for (int i = 0; i < 100'001; ++i)
        b.checkout(0, std::to_string(i), true);
    b.ready(0);
    QCOMPARE(b.peer.open_checkouts(), std::size_t{100'000});
    QCOMPARE(b.peer.figures().over_limit, std::uint64_t{1});
    for (int i = 0; i < 100'000; ++i)
        b.checkin(static_cast<std::uint64_t>(i) + 1, std::to_string(i));
    QCOMPARE(b.peer.open_checkouts(), std::size_t{0});
    QCOMPARE(b.peer.figures().gaps, std::uint64_t{0});
}

/// So a listener needs no table of its own. With two open at a time, a mix-up would show.
void TestPeerState::whatIsKeptComesWithEachMessage()
{
    Keeper keeper;
    wire::PeerState peer(keeper);
    std::uint64_t n = 0;
    const auto say = [&](wire::Body body) {
        peer.take({n, std::move(body)});
    };
    const auto tell = [&](wire::Body body) {
        ++n;
        say(std::move(body));
        return keeper.asked.back();
    };
    const wire::PoolInfo pools[] = {{"a", "test", "", {}}};
    wire::Hello hello;
    hello.pools = pools;
    say(hello);
    say(wire::Ready{});
    wire::Open open;
    open.pool = "a";
    open.connection = "c1";
    QCOMPARE(tell(open), 1);
    open.connection = "c2";
    QCOMPARE(tell(open), 2);
    wire::Checkout checkout;
    checkout.pool = "a";
    checkout.id = "x";
    QCOMPARE(tell(checkout), 3);
    checkout.id = "y";
    QCOMPARE(tell(checkout), 4);
    QCOMPARE(tell(wire::Beat{"a", "x", {}}), 3);
    QCOMPARE(tell(wire::Leak{"a", "y", {}, "alert"}), 4);
    QCOMPARE(tell(wire::Leak{"a", "z", {}, "alert"}), 0); // of one that nobody knows
    wire::Health health;
    health.pool = "a";
    health.connection = "c1";
    QCOMPARE(tell(health), 1);
    QCOMPARE(tell(wire::Wait{"a", {}, 3}), 0);
    QCOMPARE(tell(wire::Checkin{"a", "x", {}, {}}), 3); // what ends is still known
    checkout.id = "x";
    QCOMPARE(tell(checkout), 5);
    wire::Close close;
    close.pool = "a";
    close.connection = "c2";
    QCOMPARE(tell(close), 2);
    // A picture without them: each is told with what was kept.
    keeper.asked.clear();
    say(hello);
    say(wire::Ready{});
    std::sort(keeper.asked.begin(), keeper.asked.end());
    QCOMPARE(keeper.asked, (std::vector<int>{1, 4, 5}));
}

QTEST_APPLESS_MAIN(TestPeerState)
#include "tst_peerstate.moc"
