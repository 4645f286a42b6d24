// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace poolscope::test {

/// What a program has where a person sits: a terminal of 120 by 40, read and typed at from here.
class PseudoTerminal
{
public:
    PseudoTerminal()
        : fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))
    {
        if (fd_ < 0 || ::grantpt(fd_) != 0 || ::unlockpt(fd_) != 0)
            return;
        name_ = QString::fromLocal8Bit(::ptsname(fd_));
        // Held open: else what a program wrote last is lost with it.
        held_ = ::open(::ptsname(fd_), O_RDWR | O_NOCTTY | O_CLOEXEC);
        const winsize size{40, 120, 0, 0};
        ::ioctl(fd_, TIOCSWINSZ, &size);
    }
    ~PseudoTerminal()
    {
        ::close(held_);
        ::close(fd_);
    }
    PseudoTerminal(const PseudoTerminal&) = delete;
    PseudoTerminal& operator=(const PseudoTerminal&) = delete;

    bool ok() const { return held_ >= 0; }
    QString name() const { return name_; } ///< a device to be opened
    /// All that was shown so far.
    const QByteArray& shown()
    {
        pollfd some{fd_, POLLIN, 0};
        while (::poll(&some, 1, 0) > 0 && (some.revents & POLLIN) != 0) {
            char bytes[4096];
            const ssize_t got = ::read(fd_, bytes, sizeof bytes);
            if (got <= 0)
                break;
            shown_.append(bytes, got);
        }
        return shown_;
    }
    bool type(const QByteArray& keys) { return ::write(fd_, keys, keys.size()) == keys.size(); }

private:
    int fd_ = -1;
    int held_ = -1;
    QString name_;
    QByteArray shown_;
};

} // namespace poolscope::test
