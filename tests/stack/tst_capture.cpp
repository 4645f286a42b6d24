// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/capture.h"
#include "core/stack/functionname.h"
#include "core/stack/modules.h"
#include "core/stack/symboliser.h"
#include "tests/stack/stackprobe.h"

#include <QTest>

#include <algorithm>
#include <thread>

using namespace poolscope;

namespace {

struct Taken
{
    CaptureMethod method = CaptureMethod::automatic;
    Addresses addresses;
};

__attribute__((noinline)) void take(void* context)
{
    auto& taken = *static_cast<Taken*>(context);
    taken.addresses = capture_here(taken.method);
    asm volatile("" ::: "memory"); // no tail call
}

/// The only place that captures, whoever calls it: one for each row of a test.
template <int row>
__attribute__((noinline)) void take_at(void* context)
{
    static_cast<Taken*>(context)->addresses = capture_here();
    asm volatile("" ::: "memory"); // no tail call
}

using Probe = ProbeLines (*)(int, ProbeCapture, void*);

long count_of(const Frames& frames, const std::string& function)
{
    return std::ranges::count(frames, function, &Frame::function);
}

} // namespace

class TestCapture : public QObject
{
    Q_OBJECT
private slots:
    void namesTheLines_data();
    void namesTheLines();
    void chainAndUnwinderAgree();
    void worksInThreadsOfAnySize();
    void onePlaceOfTwoKindsOfCallers_data();
    void onePlaceOfTwoKindsOfCallers();
    void depthIsBounded();
    void foreignStackIsSafe();
    void brokenChainIsSafe();
    void functionNames_data();
    void functionNames();
    void ownIsSettable();
    void libraryFrames();
};

void TestCapture::namesTheLines_data()
{
    QTest::addColumn<int>("kind");
    QTest::addColumn<int>("method");
    const char* kinds[] = {"chained", "unchained", "shared"};
    for (int kind = 0; kind < 3; ++kind) {
        QTest::addRow("%s automatic", kinds[kind]) << kind << int(CaptureMethod::automatic);
        QTest::addRow("%s unwinder", kinds[kind]) << kind << int(CaptureMethod::unwinder);
    }
    QTest::addRow("chained by chain") << 0 << int(CaptureMethod::frame_pointers);
    QTest::addRow("shared by chain") << 2 << int(CaptureMethod::frame_pointers);
}

void TestCapture::namesTheLines()
{
    QFETCH(int, kind);
    QFETCH(int, method);
    static constexpr Probe probes[] = {chained::probe, unchained::probe, shared::probe};
    static const std::string names[] = {"chained", "unchained", "shared"};
    Taken taken{CaptureMethod(method), {}};
    const ProbeLines lines = probes[kind](7, take, &taken);
    const Frames frames = Symboliser::process().frames(taken.addresses.view());

    // The inlined function is a frame of its own, then the one that it was inlined into.
    QVERIFY(frames.size() >= 10);
    const std::string deep = names[kind] + "::probe_deep";
    auto inlined = std::ranges::find_if(
        frames, [](const Frame& f) { return f.function.ends_with("probe_inlined"); });
    QVERIFY(inlined != frames.end());
    QCOMPARE(inlined->line, lines.inlined);
    QVERIFY(inlined->file.ends_with("tests/stack/stackprobe.cpp"));
    QVERIFY(inlined->own);
    ++inlined;
    QCOMPARE(inlined->function, deep);
    QCOMPARE(inlined->line, lines.caller);
    QVERIFY(inlined->own);
    QCOMPARE(count_of(frames, deep), 7L);
    QCOMPARE(count_of(frames, names[kind] + "::probe"), 1L);
    const auto self = std::ranges::find_if(
        frames, [](const Frame& f) { return f.function.ends_with("TestCapture::namesTheLines"); });
    QVERIFY(self != frames.end());
    QVERIFY(self->own);
    QVERIFY(self->file.ends_with("tst_capture.cpp"));
}

void TestCapture::chainAndUnwinderAgree()
{
    Taken chain{CaptureMethod::frame_pointers, {}};
    Taken unwound{CaptureMethod::unwinder, {}};
    for (Taken* taken : {&chain, &unwound})
        chained::probe(20, take, taken);
    QVERIFY(chain.addresses.count >= 21);
    QVERIFY(unwound.addresses.count >= 21);
    // All but where the loop above is: that is the same place both times, too.
    QVERIFY(std::equal(chain.addresses.values.begin(), chain.addresses.values.begin() + 21,
                       unwound.addresses.values.begin()));
}

void TestCapture::worksInThreadsOfAnySize()
{
    const StackLimits main_limits = thread_stack_limits();
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    QVERIFY(here >= main_limits.low && here < main_limits.high);
    Taken taken;
    std::thread([&] {
        const StackLimits limits = thread_stack_limits();
        const auto inside = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        QVERIFY(inside >= limits.low && inside < limits.high);
        QVERIFY(limits.high <= main_limits.low || limits.low >= main_limits.high);
        chained::probe(3, take, &taken);
    }).join();
    const Frames frames = Symboliser::process().frames(taken.addresses.view());
    QCOMPARE(count_of(frames, "chained::probe_deep"), 3L);
}

void TestCapture::onePlaceOfTwoKindsOfCallers_data()
{
    QTest::addColumn<int>("before"); ///< captures below frames with frame pointers
    QTest::addColumn<int>("most");   ///< that may lack frames, of those that follow
    QTest::newRow("one of the first") << 1 << 0;
    QTest::newRow("much later") << 20'000 << 20'000;
}

/// What is found of the first caller does not hold for all: in the end all have their frames.
void TestCapture::onePlaceOfTwoKindsOfCallers()
{
    QFETCH(int, before);
    QFETCH(int, most);
    const ProbeCapture capture = most == 0 ? take_at<0> : take_at<1>;
    Taken taken;
    const auto frames_of = [&](const char* function) {
        return count_of(Symboliser::process().frames(taken.addresses.view()), function);
    };
    // On a thread of its own: above are no frames of Qt, which ends the chain.
    std::thread([&] {
        for (int i = 0; i < before; ++i)
            chained::probe(3, capture, &taken);
        QCOMPARE(frames_of("chained::probe_deep"), 3L);
        for (int i = 0; i < most; ++i)
            unchained::probe(3, capture, &taken);
        for (int i = 0; i < 10; ++i) { // for good
            chained::probe(3, capture, &taken);
            unchained::probe(3, capture, &taken);
            QCOMPARE(frames_of("unchained::probe_deep"), 3L);
        }
    }).join();
}

void TestCapture::depthIsBounded()
{
    for (const CaptureMethod method : {CaptureMethod::frame_pointers, CaptureMethod::unwinder}) {
        Taken taken{method, {}};
        chained::probe(500, take, &taken);
        QCOMPARE(taken.addresses.count, max_stack_depth);
    }
    std::array<std::atomic<std::uintptr_t>, 4> few{};
    QCOMPARE(capture_stack(__builtin_frame_address(0), few), std::size_t{4});
    QVERIFY(few[3].load() != 0);
}

void TestCapture::foreignStackIsSafe()
{
    // What looks like a frame lies outside the thread's stack: nothing may be read through it.
    std::vector<std::uintptr_t> heap{1, 0xDEAD'BEEF'0000, 3, 4};
    std::array<std::atomic<std::uintptr_t>, 8> out{};
    capture_stack(heap.data(), out, CaptureMethod::frame_pointers);
    QVERIFY(std::ranges::none_of(out, [](const auto& a) { return a.load() == 4; }));
}

void TestCapture::brokenChainIsSafe()
{
    // Frame pointers that lead down, to themselves, off the alignment, beyond the stack, nowhere.
    std::array<std::uintptr_t, 4> frame{};
    const auto self = reinterpret_cast<std::uintptr_t>(frame.data());
    const std::uintptr_t high = thread_stack_limits().high;
    for (const std::uintptr_t next : {self, self - 64, self + 17, high - 8, high, high + 4096,
                                      std::uintptr_t{0}, ~std::uintptr_t{0}}) {
        frame = {next, 0x5000, 0, 0};
        asm volatile("" ::"r"(frame.data()) : "memory");
        std::array<std::atomic<std::uintptr_t>, 8> out{};
        QCOMPARE(capture_stack(frame.data(), out, CaptureMethod::frame_pointers), std::size_t{1});
        QCOMPARE(out[0].load(), std::uintptr_t{0x5000});
    }
    frame = {0, 12, 0, 0}; // no code lies in the first page
    asm volatile("" ::"r"(frame.data()) : "memory");
    std::array<std::atomic<std::uintptr_t>, 8> out{};
    QCOMPARE(capture_stack(frame.data(), out, CaptureMethod::frame_pointers), std::size_t{0});
}

void TestCapture::functionNames_data()
{
    QTest::addColumn<QByteArray>("whole");
    QTest::addColumn<QByteArray>("name");
    const auto row = [](const char* whole, const char* name) {
        QTest::addRow("%s", whole) << QByteArray(whole) << QByteArray(name);
    };
    row("main", "main");
    row("load(int)", "load");
    row("std::vector<int> shop::load<std::function<void (int)> >(char const*)",
        "shop::load<std::function<void (int)> >");
    row("shop::Orders::find(int) const", "shop::Orders::find");
    row("main::{lambda(int)#1}::operator()(int) const", "main::{lambda(int)#1}::operator()");
    row("(anonymous namespace)::work()", "(anonymous namespace)::work");
    row("shop::operator<<(std::ostream&, shop::Order const&)", "shop::operator<<");
    row("shop::Order::operator()", "shop::Order::operator()");
    row("work() [clone .cold]", "work");
    row("void (anonymous namespace)::spin<8>(long)", "(anonymous namespace)::spin<8>");
    row("", "");
    row(")", ")");
    row("(((", "(((");
}

void TestCapture::functionNames()
{
    QFETCH(QByteArray, whole);
    QFETCH(QByteArray, name);
    QCOMPARE(QByteArray::fromStdString(without_parameters(whole.toStdString())), name);
    QCOMPARE(function_name("_Z4loadi"), std::string("load"));
    QCOMPARE(function_name("_Znot really"), std::string("_Znot really"));
    QCOMPARE(function_name(std::string(100'000, 'x').c_str()).size(), std::size_t{512});
}

void TestCapture::ownIsSettable()
{
    Modules modules;
    const auto here = reinterpret_cast<std::uintptr_t>(&take);
    const auto probe = reinterpret_cast<std::uintptr_t>(&shared::probe);
    const auto libc = reinterpret_cast<std::uintptr_t>(&std::malloc);
    QVERIFY(modules.is_own(here));
    QVERIFY(modules.find(here).path.find("tests_stack") != std::string::npos);
    QVERIFY(!modules.is_own(0));
    QVERIFY(!modules.is_own(libc));
    Taken taken;
    shared::probe(1, take, &taken);
    const Module shared = modules.find(taken.addresses.values[1]);
    QVERIFY(shared.path.find("libtst_stackprobe_shared") != std::string::npos);
    QVERIFY(shared.own);
    modules.set_system_folders({shared.path.substr(0, shared.path.rfind('/'))});
    QVERIFY(!modules.is_own(taken.addresses.values[1]));
    QVERIFY(modules.is_own(here)); // the executable always is
    QVERIFY(probe != 0);
}

void TestCapture::libraryFrames()
{
    Taken taken;
    chained::probe(2, take, &taken);
    Symboliser symboliser;
    symboliser.set_library([](const Frame& f) { return f.function == "chained::probe_deep"; });
    const Frames frames = symboliser.frames(taken.addresses.view());
    for (const Frame& frame : frames) {
        if (frame.function == "chained::probe_deep")
            QVERIFY(!frame.own);
        if (frame.function == "chained::probe")
            QVERIFY(frame.own);
        if (frame.function.starts_with("QTest::"))
            QVERIFY(!frame.own);
    }
    QVERIFY(is_pool_function("poolscope::ConnectionPool<X, Y>::acquire"));
    QVERIFY(!is_pool_function("poolscope::demo::work"));
    QVERIFY(!is_pool_function("shop::ConnectionPool::acquire"));
}

QTEST_APPLESS_MAIN(TestCapture)
#include "tst_capture.moc"
