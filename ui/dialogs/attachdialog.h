// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/leak/judgement.h"
#include "core/source/localpools.h"
#include "core/source/registry.h"
#include "ui/models/glance.h"

#include <QDialog>
#include <QFileInfo>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

class QCheckBox;
class QGridLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QSettings;
class QVBoxLayout;

namespace poolscope {

class AttachList;
class AttachTest;

/// What the user wants attached or opened, and how.
struct AttachChoice
{
    std::vector<AttachRequest> live;
    QStringList recordings;
    Duration interval = std::chrono::seconds{1};
    LeakThresholds thresholds;
    bool readOnly = false;
    bool redact = false;
};

/// Where what can be picked is found. Each may take its time: it is called on a thread of its own,
/// once a dialog, and one that hangs (a home on a dead network) holds nobody up.
struct AttachFinders
{
    std::function<std::vector<ServiceEntry>()> services = pgServices;
    std::function<std::vector<LocalPool>()> pools = [] {
        return localPools();
    };
    std::function<bool(const QString& typed)> isPath = [](const QString& typed) {
        return QFileInfo::exists(typed);
    };
};

/// One field that takes everything, lists below that fill it, and a test that answers in place.
/// A password inside a target is used and warned of; the settings never get it.
class AttachDialog : public QDialog
{
    Q_OBJECT
public:
    /// `redactFixed`: a recording is under way, and how it is written is decided.
    AttachDialog(const AttachChoice& defaults, QSettings& settings, bool redactFixed = false,
                 QWidget* parent = nullptr, const AttachFinders& finders = {});
    ~AttachDialog() override;

    /// Fills the field with what a server or a recording names, for the user to look at: left as it
    /// is, no token of the environment goes there.
    void setTarget(const QString& target, const QString& sshHost = {});
    AttachChoice choice() const;
    AttachTest* test() const { return test_; }

signals:
    /// What the user wants to attach to has no agent yet.
    void instrumentWanted();

private:
    void addTarget(QVBoxLayout* layout);
    void addOptions(QGridLayout* grid, const AttachChoice& defaults, bool redactFixed);
    void addFoot(QVBoxLayout* layout);
    void recognise();
    void picked();
    void fillForm();
    void runTest();
    void accept() override;
    bool optionsReadable(QString* trouble) const;
    AttachRequest request(const QString& target, const QString& ssh) const;
    bool isPicked(const QString& target) const;
    Result<TargetKind> classify(const QString& target) const;
    void lookFor(const QString& target);

    QSettings& settings_;
    QLineEdit* target_;
    QLineEdit* ssh_;
    QLabel* pollLabel_ = nullptr;
    QLineEdit* interval_;
    QLineEdit* alert_;
    QLineEdit* critical_;
    QCheckBox* readOnly_;
    QCheckBox* redact_;
    QLabel* recognised_;
    QLabel* foot_;
    QPushButton* testButton_;
    QPushButton* attach_;
    AttachList* list_;
    AttachTest* test_;
    QString offered_; ///< by setTarget()
    QString usual_;   ///< between polls, where nobody says otherwise
    bool filling_ = false;
    std::function<bool(const QString&)> isPath_;
    QString lookedFor_;        ///< on the disk
    std::optional<bool> path_; ///< that it is one; null: no answer yet
    bool acceptsLater_ = false;
    Glance<bool> look_;
};

} // namespace poolscope
