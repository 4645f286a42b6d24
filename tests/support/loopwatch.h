// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QThread>
#include <QTimer>

#include <algorithm>
#include <atomic>

namespace poolscope::test {

/// The longest an event loop did not turn: that of this thread, which stands for the window's, or,
/// to tell how much of it the machine is to blame for, of a thread that does nothing else.
class LoopWatch : public QObject
{
public:
    LoopWatch()
    {
        clock_.start();
        timer_.setInterval(5);
        timer_.setTimerType(Qt::PreciseTimer);
        connect(&timer_, &QTimer::timeout, this,
                [this] { longest_ = std::max<qint64>(longest_, clock_.restart()); });
        timer_.start();
    }
    qint64 longestMs() const { return longest_; }

private:
    QTimer timer_{this};
    QElapsedTimer clock_;
    std::atomic<qint64> longest_ = 0;
};

class IdleThread : public QThread
{
public:
    IdleThread() { start(); }
    ~IdleThread() override
    {
        quit();
        wait();
    }
    qint64 longestMs() const { return longest_; }

protected:
    void run() override
    {
        const LoopWatch watch;
        exec();
        longest_ = watch.longestMs();
    }

private:
    std::atomic<qint64> longest_ = 0;
};

} // namespace poolscope::test
