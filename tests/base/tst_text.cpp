// SPDX-License-Identifier: Apache-2.0
#include "core/base/text.h"

#include <QTest>

#include <atomic>
#include <thread>
#include <vector>

using namespace poolscope;

class TestText : public QObject
{
    Q_OBJECT
private slots:
    void nullIsNotEmpty();
    void poolSharesEqualTexts();
    void poolForgetsWhatNobodyHolds();
    void holdersAreCounted();
    void copiesOnSeveralThreads();
    void keepsWhatIsPlain();
    void replacesWhatDeceives_data();
    void replacesWhatDeceives();
    void cutsAtACharacter();
    void isValidUtf8WhateverComes();
};

void TestText::nullIsNotEmpty()
{
    QVERIFY(Text{}.is_null());
    QVERIFY(!Text{std::string{}}.is_null());
    QVERIFY(Text{std::string{}}.empty());
    QVERIFY(!(Text{} == Text{std::string{}}));
    QVERIFY(Text{"a"} == Text{std::string("a")});
}

void TestText::poolSharesEqualTexts()
{
    TextPool pool;
    const Text a = pool.intern("shop-api");
    const Text b = pool.intern(std::string("shop") + "-api");
    QCOMPARE(a.identity(), b.identity());
    QVERIFY(pool.intern("other").identity() != a.identity());
}

void TestText::poolForgetsWhatNobodyHolds()
{
    TextPool pool;
    const Text kept = pool.intern("kept");
    for (int i = 0; i < 100000; ++i)
        pool.intern(std::to_string(i));
    QVERIFY(pool.size() < 10000);
    QCOMPARE(pool.intern("kept").identity(), kept.identity());
}

void TestText::holdersAreCounted()
{
    QCOMPARE(Text{}.use_count(), 0L);
    Text a{"shop-api"};
    QCOMPARE(a.use_count(), 1L);
    {
        const Text b = a;
        QCOMPARE(a.use_count(), 2L);
        QCOMPARE(b.identity(), a.identity());
    }
    QCOMPARE(a.use_count(), 1L);
    const Text* const itself = &a;
    a = *itself;
    QCOMPARE(a.use_count(), 1L);
    const void* const was = a.identity();
    Text c = std::move(a);
    QCOMPARE(c.identity(), was);
    QCOMPARE(c.use_count(), 1L);
    c = Text{"other"};
    QCOMPARE(c.use_count(), 1L);
    QCOMPARE(c.str(), std::string("other"));
    c = Text{};
    QVERIFY(c.is_null());
    QCOMPARE(sizeof(Text), sizeof(void*));
}

/// Whichever of them lets go last.
void TestText::copiesOnSeveralThreads()
{
    constexpr int threads = 4;
    for (int round = 0; round < 200; ++round) {
        Text text{"a statement that is longer than a string holds in itself"};
        std::vector<std::thread> readers;
        std::atomic<int> wrong{0};
        for (int t = 0; t < threads; ++t) {
            readers.emplace_back([&wrong, mine = text] {
                for (int i = 0; i < 100; ++i) {
                    const Text copy = mine;
                    wrong += copy.str().size() == 56 ? 0 : 1;
                }
            });
        }
        text = Text{};
        for (std::thread& reader : readers)
            reader.join();
        QCOMPARE(wrong.load(), 0);
    }
}

void TestText::keepsWhatIsPlain()
{
    const std::string text = "SELECT 'é', '日本', '🐘'\n\tFROM t";
    QCOMPARE(plain_text(text, 1000), text);
    QCOMPARE(plain_line("a\nb\tc\rd", 100), std::string("a b c d"));
}

void TestText::replacesWhatDeceives_data()
{
    QTest::addColumn<QByteArray>("in");
    QTest::addRow("escape") << QByteArray("a\x1b[31m");
    QTest::addRow("nul") << QByteArray("a\0b", 3);
    QTest::addRow("rtl override") << QByteArray("a\xE2\x80\xAE"
                                                "b");
    QTest::addRow("isolate") << QByteArray("a\xE2\x81\xA6"
                                           "b");
    QTest::addRow("zero width") << QByteArray("a\xE2\x80\x8B"
                                              "b");
    QTest::addRow("bom") << QByteArray("\xEF\xBB\xBFx");
    QTest::addRow("c1") << QByteArray("\xC2\x9Bx");
    QTest::addRow("line separator") << QByteArray("\xE2\x80\xA8x");
    QTest::addRow("overlong") << QByteArray("\xC0\xAFx");
    QTest::addRow("surrogate") << QByteArray("\xED\xA0\x80x");
    QTest::addRow("cut") << QByteArray("x\xE2\x80");
}

void TestText::replacesWhatDeceives()
{
    QFETCH(QByteArray, in);
    const std::string out = plain_line({in.constData(), size_t(in.size())}, 1000);
    const QString shown = QString::fromStdString(out);
    QVERIFY(shown.contains(QChar::ReplacementCharacter));
    for (const QChar c : shown)
        QVERIFY2(c.isPrint() || c == QChar::ReplacementCharacter, qPrintable(shown));
}

void TestText::cutsAtACharacter()
{
    QCOMPARE(plain_line("äöü", 4), std::string("äö…"));
    QCOMPARE(plain_line("äöü", 3), std::string("ä…"));
    QCOMPARE(plain_line("äöü", 6), std::string("äöü"));
    QCOMPARE(plain_line("", 0), std::string());
}

void TestText::isValidUtf8WhateverComes()
{
    std::uint32_t random = 12345;
    for (int round = 0; round < 2000; ++round) {
        std::string in;
        for (int i = 0; i < 40; ++i) {
            random = random * 1664525 + 1013904223;
            in.push_back(static_cast<char>(random >> 24));
        }
        const std::string out = plain_text(in, 64);
        QVERIFY(QByteArray::fromStdString(out).isValidUtf8());
        QVERIFY(out.size() <= 64 + 3);
    }
}

QTEST_APPLESS_MAIN(TestText)
#include "tst_text.moc"
