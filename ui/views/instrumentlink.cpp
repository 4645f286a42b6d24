// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/instrumentlink.h"

#include "ui/models/sessionstore.h"
#include "ui/views/linkbutton.h"
#include "ui/views/process.h"
#include "ui/views/viewcontext.h"

#include <QHBoxLayout>

#include <algorithm>

namespace poolscope {

InstrumentLink::InstrumentLink(ViewContext& context, QWidget* parent)
    : QWidget(parent)
    , link_(new LinkButton(this))
{
    auto* const row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    link_->setWords(tr("Instrument a pool of an application (Ctrl+Shift+T)"));
    link_->setObjectName(QStringLiteral("instrumentLink"));
    row->addWidget(link_);
    row->addStretch(1);
    connect(link_, &QPushButton::clicked, &context, &ViewContext::requestInstrument);
    hide();
}

void InstrumentLink::offer(const SessionStore& store, const Transport& transport, bool empty)
{
    const auto& targets = store.targets();
    setVisible(empty && transport.mode != Mode::replay &&
               std::none_of(targets.begin(), targets.end(), isProcess));
}

} // namespace poolscope
