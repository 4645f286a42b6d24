// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/arguments.h"
#include "app/cli/picture.h"
#include "core/capture/alertcommand.h"
#include "core/capture/workspace.h"
#include "core/source/privatefolder.h"

#include <QObject>

#include <functional>
#include <map>
#include <memory>
#include <set>

namespace poolscope {

/// Says something on standard error, as "poolscope: …".
void complain(const std::string& sentence);
void complain(const Error& error);
/// Asks on the terminal without showing what is typed; null if there is no terminal. `word` is
/// what is asked for: "Password".
QString askForPassword(const QString& sentence, const QString& word);

/// Live targets for a verb: attaches them, asks for passwords, keeps the latest picture.
class Live : public QObject
{
    Q_OBJECT
public:
    /// recordTo empty: what a workspace records is thrown away at the end.
    explicit Live(const Arguments& arguments, const QString& recordTo = {});
    ~Live() override;

    /// False, having said why, if a target is none that could be attached, or the command for
    /// alerts none that could be run.
    bool attachAll();
    /// Where the command for alerts tells its troubles; null if there is none. It ends before
    /// the capture, with a little time for what is still to be told.
    AlertCommand* alertCommand() const { return alertCommand_.get(); }
    void endAlertCommand();
    Workspace& workspace() const { return *workspace_; }
    const Picture& picture() const { return picture_; }

    enum class Fate { pending, ready, unreachable };
    /// A target that gave its first full picture stays ready.
    const std::map<TargetId, Fate>& fates() const { return fates_; }
    bool anyUnreachable() const;
    bool anyReady() const;
    /// Why that target is not reached, with its name: the password that nobody gave, else its
    /// status.
    Error troubleOf(const TargetSummary& target) const;
    /// No target can come back without the user.
    bool allStopped() const;
    /// Returns when every target is ready or unreachable. Says why one is unreachable.
    void waitForPictures();
    /// Waits for one more sample of each target that answers, so that ages are those of now.
    void sampleAgain();
    /// What targets that gave a picture say beside it: what they cannot see, or that they answer no
    /// more.
    void sayRemarks() const;
    /// Runs the event loop until `done` after an update, or the time is over; false if it is over.
    bool waitUntil(const std::function<bool()>& done, Duration atMost);

signals:
    void changed();
    /// Around a question at the terminal, during which nothing else is done.
    void aboutToAsk();
    void haveAsked();

private:
    void updated(const UpdatePtr& update);
    void askFor(TargetId target, const QString& sentence);

    const Arguments& arguments_;
    std::unique_ptr<PrivateFolder> scratch_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<AlertCommand> alertCommand_;
    Picture picture_;
    std::map<TargetId, Fate> fates_;
    std::set<TargetId> tokens_;                    ///< those that ask for a token
    std::map<TargetId, std::string> secretPlaces_; ///< where else it comes from
    std::map<TargetId, int> asked_;
    int questions_ = 0;
    std::map<TargetId, Error> refusals_; ///< no password
};

} // namespace poolscope
