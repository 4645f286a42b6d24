// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/glance.h"

#include <QElapsedTimer>
#include <QSemaphore>
#include <QTest>

#include <atomic>

using namespace poolscope;

class TestGlance : public QObject
{
    Q_OBJECT
private slots:
    void aDiskThatAnswers();
    void oneAfterTheOther();
    void aDiskThatHangs();
};

/// Then nobody notices that it was asked elsewhere, and it is asked once.
void TestGlance::aDiskThatAnswers()
{
    int later = 0;
    std::atomic<int> looks{0};
    QThread* where = nullptr;
    Glance<int> glance(this, [&] { ++later; });
    const auto seven = [&] {
        where = QThread::currentThread();
        ++looks;
        return 7;
    };
    // A machine that is busy may take its time: then it comes later.
    if (!glance.at(QStringLiteral("a"), seven))
        QTRY_COMPARE(later, 1);
    QCOMPARE(glance.at(QStringLiteral("a"), seven), std::optional(7));
    QCOMPARE(looks.load(), 1);
    QVERIFY(where != QThread::currentThread());
    glance.forget();
    QTRY_COMPARE(glance.at(QStringLiteral("a"), seven), std::optional(7));
    QCOMPARE(looks.load(), 2);
}

/// Those that are answered stand in nobody's way, though nothing has turned the loop since.
void TestGlance::oneAfterTheOther()
{
    std::atomic<int> looks{0};
    Glance<int> glance(this, [] {});
    for (int i = 0; i < 10; ++i) {
        const int before = looks;
        static_cast<void>(glance.at(QString::number(i), [&looks] { return ++looks; }));
        for (int wait = 0; wait < 5'000 && looks == before; ++wait)
            QThread::msleep(1); // on a busy machine
        QCOMPARE(looks.load(), before + 1);
        QThread::msleep(1); // and it counts as over
    }
}

void TestGlance::aDiskThatHangs()
{
    constexpr int keys = 40;
    QSemaphore disk;
    std::atomic<int> looks{0};
    int later = 0;
    Glance<QString> glance(this, [&] { ++later; });
    QElapsedTimer took;
    took.start();
    QString typed;
    for (int i = 0; i < keys; ++i) {
        typed += QLatin1Char('x');
        const auto find = [&disk, &looks, typed] {
            ++looks;
            disk.tryAcquire(1, 10'000);
            return typed;
        };
        QVERIFY(!glance.at(typed, find));
        QVERIFY(!glance.at(typed, find)); // and is not waited for again
    }
    QVERIFY2(took.elapsed() < 1'000, qPrintable(QString::number(took.elapsed())));
    QTRY_COMPARE(looks.load(), Glance<QString>::most);
    disk.release(keys);
    QTRY_COMPARE(later, 1); // of the last alone
    QCOMPARE(glance.at(typed, {}), std::optional(typed));
    QCOMPARE(looks.load(), Glance<QString>::most + 1);
}

QTEST_GUILESS_MAIN(TestGlance)
#include "tst_glance.moc"
