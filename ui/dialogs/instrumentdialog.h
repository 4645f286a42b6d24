// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/source.h"
#include "ui/dialogs/instrumentlines.h"
#include "ui/dialogs/poolwatch.h"

#include <QDialog>
#include <QTimer>

#include <vector>

class QGridLayout;
class QHBoxLayout;
class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;
class QSettings;
class QVBoxLayout;

namespace poolscope {

class CodeBox;
class SegmentedControl;

/// From a pool that exists already to one that can be attached to: which lines to paste, what to
/// set, and whether it is there by now. Looks out for pools from its first moment on. A token that
/// it makes is shown for the user to copy and handed to the target, and kept nowhere.
class InstrumentDialog : public QDialog
{
    Q_OBJECT
public:
    explicit InstrumentDialog(
        QSettings& settings, QWidget* parent = nullptr,
        PoolWatch::Finder find = [] { return localPools(); });
    ~InstrumentDialog() override;

    /// What to attach to, once accepted.
    const std::vector<AttachRequest>& choice() const { return choice_; }
    PoolWatch& watch() const { return *watch_; }

private:
    void addStacks(QHBoxLayout* layout);
    void addSteps(QVBoxLayout* layout);
    QPushButton* addStep(QVBoxLayout* layout, QLabel* head, QLabel* hint, const QString& copies);
    void addEnvironment(QVBoxLayout* layout);
    void addAppeared(QVBoxLayout* layout);
    void addFoot(QVBoxLayout* layout);
    void orderTabs();
    const InstrumentStack* stack() const;
    QString poolName() const;
    bool overTcp() const;
    QString address() const;
    void showLines();
    void proposePort();
    void showEnvironment();
    void showAppeared();
    void showButton();
    /// Those to attach to if the button were pressed now: what is picked, else those with the name.
    std::vector<PoolWatch::Found> wanted() const;
    void press();
    void attachTo(const std::vector<PoolWatch::Found>& found);

    QSettings& settings_;
    std::vector<InstrumentStack> stacks_;
    PoolWatch* watch_;
    QListWidget* list_;
    QLineEdit* name_;
    QLabel* installHead_;
    QLabel* linesHint_;
    CodeBox* install_;
    CodeBox* lines_;
    SegmentedControl* transport_;
    QLineEdit* port_;
    QLabel* portLabel_;
    QLabel* local_;
    CodeBox* environment_;
    QPushButton* copyInstall_ = nullptr;
    QPushButton* copyLines_ = nullptr;
    QPushButton* copyEnvironment_ = nullptr;
    QLabel* appearedWords_;
    QListWidget* appeared_;
    QLabel* foot_;
    QPushButton* cancel_ = nullptr;
    QPushButton* attach_ = nullptr;
    QString token_;
    QString asked_; ///< the address to watch once nobody types
    QTimer settle_;
    bool waiting_ = false;
    std::vector<AttachRequest> choice_;
};

} // namespace poolscope
