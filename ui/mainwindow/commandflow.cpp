// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/commandflow.h"

#include "ui/dialogs/confirmcommanddialog.h"
#include "ui/dialogs/confirmreclaimdialog.h"

#include <QWidget>

namespace poolscope {

CommandFlow::CommandFlow(Workspace& workspace, std::shared_ptr<SessionStore> store, QWidget* window)
    : QObject(window)
    , workspace_(workspace)
    , store_(std::move(store))
    , window_(window)
{}

QString CommandFlow::obstacle(const Transport& transport)
{
    switch (transport.mode) {
    case Mode::empty:
        return tr("Nothing is attached.");
    case Mode::replay:
        return tr("Off in replay: commands need a live target.");
    case Mode::paused:
        return tr("Off while paused: return to the live edge first.");
    case Mode::live:
        break;
    }
    return transport.readOnly ? tr("Off: read-only. Ctrl+L unlocks it.") : QString();
}

void CommandFlow::request(ActionVerb verb, const std::vector<SessionRow>& sessions,
                          const Formatter& format)
{
    if (sessions.empty() || !obstacle(workspace_.transport()).isEmpty())
        return;
    closeAll();
    dialog_ = new ConfirmCommandDialog(verb, sessions, *store_, format, window_);
    dialog_->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog_, &ConfirmCommandDialog::confirmed, &workspace_, &Workspace::execute);
    connect(
        dialog_, &ConfirmCommandDialog::cancelInstead, this,
        [this, format](const std::vector<SessionRow>& rows) {
            request(ActionVerb::cancel, rows, format);
        },
        Qt::QueuedConnection);
    dialog_->apply(*workspace_.latest(), *store_);
    std::vector<SessionKey> shown;
    for (const SessionRow& row : sessions)
        shown.push_back(row.session.key);
    workspace_.lookAt(shown); // what they hold is what the decision rests on
    dialog_->open();
}

void CommandFlow::requestReclaim(const std::vector<CheckoutKey>& checkouts)
{
    if (checkouts.empty() || !obstacle(workspace_.transport()).isEmpty())
        return;
    closeAll();
    reclaim_ = new ConfirmReclaimDialog(checkouts, *store_, window_);
    reclaim_->setAttribute(Qt::WA_DeleteOnClose);
    connect(reclaim_, &ConfirmReclaimDialog::confirmed, &workspace_, &Workspace::reclaim);
    reclaim_->apply(*workspace_.latest(), *store_);
    reclaim_->open();
}

void CommandFlow::closeAll()
{
    if (dialog_)
        dialog_->close();
    if (reclaim_)
        reclaim_->close();
}

ConfirmReclaimDialog* CommandFlow::reclaimDialog() const
{
    return reclaim_;
}

ConfirmCommandDialog* CommandFlow::dialog() const
{
    return dialog_;
}

void CommandFlow::apply(const Update& update)
{
    if (dialog_)
        dialog_->apply(update, *store_);
    if (reclaim_)
        reclaim_->apply(update, *store_);
}

void CommandFlow::setTransport(const Transport& transport)
{
    // A list of another moment must not be confirmed.
    if (transport.mode == Mode::live)
        return;
    if (dialog_)
        dialog_->reject();
    if (reclaim_)
        reclaim_->reject();
}

} // namespace poolscope
