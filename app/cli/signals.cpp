// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/signals.h"

#include <QSocketNotifier>

#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace poolscope {

namespace {

volatile sig_atomic_t writeEnd = -1;

extern "C" void onSignal(int)
{
    const char byte = 1;
    if (writeEnd >= 0) {
        const ssize_t written = write(writeEnd, &byte, 1);
        static_cast<void>(written);
    }
}

void handle(void (*handler)(int))
{
    struct sigaction action
    {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaction(number, &action, nullptr);
}

} // namespace

EndSignals::EndSignals(QObject* parent)
    : QObject(parent)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    read_ = ends[0];
    writeEnd = ends[1];
    const auto* const notifier = new QSocketNotifier(read_, QSocketNotifier::Read, this);
    connect(notifier, &QSocketNotifier::activated, this, [this] {
        char bytes[16];
        if (read(read_, bytes, sizeof bytes) > 0)
            emit asked();
    });
    handle(onSignal);
}

EndSignals::~EndSignals()
{
    handle(SIG_DFL);
    const int end = writeEnd;
    writeEnd = -1;
    close(end);
    close(read_);
}

} // namespace poolscope
