// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "core/source/localpools.h"

#include <QObject>
#include <QSet>
#include <QStringList>
#include <QTemporaryDir>
#include <QTimer>

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace poolscope {

/// Looks out for pools that appear on this machine from its begin on, and at one address that is
/// named. Each that appears is attached to for as long as this lives, through a capture of its own,
/// to learn what its pools are called. GUI thread; nothing here blocks it.
class PoolWatch : public QObject
{
    Q_OBJECT
public:
    /// A process with pools that was not there before.
    struct Found
    {
        QString url;
        QString process;      ///< as it says itself; hostile, but one plain line
        std::int64_t pid = 0; ///< the same
        QStringList pools;    ///< names, plain; in their order
        friend bool operator==(const Found&, const Found&) = default;
    };
    using Finder = std::function<std::vector<LocalPool>()>;

    /// `find` is called on a thread of its own, one call at a time.
    explicit PoolWatch(Finder find, QObject* parent = nullptr);
    ~PoolWatch() override;

    void setInterval(std::chrono::milliseconds interval) { timer_.setInterval(interval); }
    void begin();
    /// Tries this address, too, with that token, over and over; empty: none.
    void setAddress(const QString& url, const QString& token);
    /// Those that are there now, in the order in which they appeared.
    const std::vector<Found>& found() const { return found_; }
    /// What stands against the named address, where it is more than "not yet": a refused token.
    QString trouble() const { return trouble_; }

signals:
    void changed();

private:
    struct Watched
    {
        TargetId target;
        bool named = false; ///< by setAddress
    };
    void look();
    void take(const std::vector<LocalPool>& pools);
    void attach(const QString& url, const QString& token, bool named);
    void letGo(const QString& url);
    void applied(const Update& update);

    Finder find_;
    QTimer timer_;
    bool looking_ = false;
    bool knowsBefore_ = false;
    QSet<QString> before_;                  ///< what was there at the begin
    std::shared_ptr<QTemporaryDir> folder_; ///< goes when the workspace has gone
    Workspace* workspace_;
    std::map<QString, Watched> watched_;
    std::vector<Found> found_;
    QString address_;
    QString trouble_;
};

} // namespace poolscope
