// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/commandflow.h"

#include "ui/dialogs/confirmcommanddialog.h"

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
    if (dialog_)
        dialog_->close();
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
    dialog_->open();
}

ConfirmCommandDialog* CommandFlow::dialog() const
{
    return dialog_;
}

void CommandFlow::apply(const Update& update)
{
    if (dialog_)
        dialog_->apply(update, *store_);
}

void CommandFlow::setTransport(const Transport& transport)
{
    // A list of sessions of another moment must not be confirmed.
    if (dialog_ && transport.mode != Mode::live)
        dialog_->reject();
}

} // namespace poolscope
