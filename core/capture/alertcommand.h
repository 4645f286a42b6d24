// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/capture/alertmessage.h"
#include "core/capture/workspace.h"

#include <QObject>
#include <QString>
#include <QTimer>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

class QProcess;

namespace poolscope {

/// Runs a command of the user's own when alerts begin to call or are over: of what is observed now,
/// never of a recording, and nothing that was acknowledged or silenced, nor of severity info. No
/// shell reads it, and of the alert it gets nothing as an argument: see AlertMessage. One runs at a
/// time; what happens meanwhile is one message for the next. On the thread that made it.
class AlertCommand : public QObject
{
    Q_OBJECT
public:
    struct Limits
    {
        std::chrono::milliseconds run{30'000};  ///< what takes longer is ended
        std::chrono::milliseconds grace{2'000}; ///< after that it is killed
        std::chrono::milliseconds pause{5'000}; ///< at least, from one beginning to the next
        std::size_t most = 100;                 ///< alerts of a message; more are only counted
    };
    explicit AlertCommand(QObject* parent = nullptr);
    AlertCommand(const Limits& limits, QObject* parent);
    /// Ends what runs.
    ~AlertCommand() override;

    /// Why such a command could not be run now; null: it could, or there is none.
    static std::optional<Error> trouble(const QString& command);

    /// Program and arguments, in double quotation marks where they hold spaces; empty: none is run.
    /// Counts from the next alert on.
    void setCommand(const QString& command);
    /// Follows what that workspace observes, which must outlive this.
    void follow(Workspace& workspace);
    /// The live edge.
    void apply(const Update& update);

    /// Something runs, or waits to be told.
    bool busy() const { return process_ || !waiting_.empty(); }
    /// Hears nothing more, and tells what is still to be told in its time: then done(), of which
    /// nothing is said where it was not busy.
    void leave() { leaving_ = true; }
    /// Waits no longer than that for what runs and for what is still to be told, then ends it. Says
    /// by failed() what was not told. Nothing is run any more.
    void end(std::chrono::milliseconds patience);

signals:
    /// Once for each kind of trouble, until a run succeeds.
    void failed(const poolscope::Error& error);
    /// A run ended as it should.
    void succeeded();
    /// All is told, after leave().
    void done();

private:
    using Key = std::tuple<TargetId, Text, std::string>; ///< target, pool, rule

    void forget();
    void noLonger(AlertNews& news, const Update& update);
    bool tell(AlertNews news); ///< whether it will be
    void next();
    void goOn();
    void start();
    void overdue();
    void ended(int code, bool crashed);
    void notStarted();
    void letGo();
    void complain(const Error& error);
    void signalGroup(int number) const;

    Limits limits_;
    QString command_;
    struct Calling
    {
        AlertNews news;
        bool told = false; ///< there was a command then
    };
    std::map<Key, Calling> calling_;
    std::vector<AlertNews> waiting_; ///< for the next run
    std::size_t leftOut_ = 0;
    Timestamp now_;
    std::unique_ptr<QProcess> process_;
    QString program_;  ///< that runs
    QByteArray words_; ///< the last of what it said on standard error
    QTimer limit_;
    QTimer kill_;
    QTimer pause_;
    std::string complained_;
    bool late_ = false; ///< what runs was asked to end
    bool leaving_ = false;
    bool ending_ = false;
};

} // namespace poolscope
