// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <functional>

namespace poolscope {

/// Where the desktop keeps passwords for the user. Lives on the GUI thread; no call waits, answers
/// come later on that thread, or never where the desktop's service hangs.
class Keychain
{
public:
    virtual ~Keychain() = default;

    /// Whether something can be kept, as far as it is known by now.
    virtual bool available() const = 0;
    /// Empty: nothing is kept under this key, or it may not be read.
    using Answer = std::function<void(const QString& secret)>;
    virtual void read(const QString& key, Answer answer) = 0;
    /// Why it was not kept; empty: it was.
    using Outcome = std::function<void(const QString& trouble)>;
    virtual void keep(const QString& key, const QString& secret, Outcome outcome) = 0;
    virtual void forget(const QString& key) = 0;
};

} // namespace poolscope
