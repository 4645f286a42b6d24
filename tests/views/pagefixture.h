// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/updates.h"
#include "ui/models/sessionstore.h"
#include "ui/theme/theme.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <QCoreApplication>
#include <QSettings>
#include <QTemporaryDir>

#include <memory>
#include <vector>

namespace poolscope::support {

/// The real pages in a bare window, live, with settings of their own.
class PageFixture
{
public:
    explicit PageFixture(QSize size = {1240, 720})
    {
        QCoreApplication::setOrganizationName(QStringLiteral("poolscope-test"));
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, folder_.path());
        QSettings().clear();
        Theme::current().install();
        Workspace::Options options;
        options.temporaryFolder = folder_.path();
        workspace = std::make_unique<Workspace>(options);
        context = std::make_unique<ViewContext>(*workspace);
        window = std::make_unique<QWidget>();
        pages = makePages(*context, store, window.get());
        resize(size);
        Transport live;
        live.mode = Mode::live;
        live.cursor = live.end = SyntheticUpdates::start();
        setTransport(live);
        show("overview");
        window->show();
    }
    ~PageFixture()
    {
        window.reset();
        context.reset();
    }
    PageFixture(const PageFixture&) = delete;
    PageFixture& operator=(const PageFixture&) = delete;

    Page& page(const char* name) const
    {
        for (Page* page : pages) {
            if (page->name() == QLatin1String(name))
                return *page;
        }
        qFatal("no such page");
    }
    Page& show(const char* name) const
    {
        for (Page* page : pages)
            page->setVisible(page->name() == QLatin1String(name));
        return page(name);
    }
    void resize(QSize size) const
    {
        window->resize(size);
        for (Page* page : pages)
            page->setGeometry(QRect(QPoint(), size));
    }
    void apply(const Update& update) const
    {
        store->apply(update);
        for (Page* page : pages)
            page->apply(update);
        QCoreApplication::processEvents();
    }
    void setTransport(const Transport& transport) const
    {
        for (Page* page : pages)
            page->setTransport(transport);
    }
    /// As the window does: what the workspace says goes to every page.
    void follow() const
    {
        QObject::connect(workspace.get(), &Workspace::updated, window.get(),
                         [this](const UpdatePtr& update) { apply(*update); });
        QObject::connect(workspace.get(), &Workspace::transportChanged, window.get(),
                         [this](const Transport& transport) { setTransport(transport); });
    }

    /// For looking at: with POOLSCOPE_PICTURES=FOLDER every page is drawn there as it is now.
    void shoot(const QString& name) const
    {
        const QString out = qEnvironmentVariable("POOLSCOPE_PICTURES");
        if (out.isEmpty())
            return;
        for (const char* page : {"overview", "leaks", "sessions", "blocking", "actions"}) {
            show(page);
            QCoreApplication::processEvents();
            window->grab().save(QStringLiteral("%1/%2-%3.png").arg(out, name, QLatin1String(page)));
        }
    }

private:
    QTemporaryDir folder_;

public:
    std::unique_ptr<Workspace> workspace;
    std::unique_ptr<ViewContext> context;
    std::unique_ptr<QWidget> window;
    std::shared_ptr<SessionStore> store = std::make_shared<SessionStore>();
    std::vector<Page*> pages;
};

/// A second server in the update, sampled when the first was.
inline void addServer(Update& update, unsigned id, const std::string& name, int active)
{
    TargetSummary target = update.targets.front();
    target.info.id = TargetId{id};
    target.info.name = name;
    target.counts = {};
    target.counts.at(static_cast<std::size_t>(SessionState::active)) = active;
    target.blocking = {};
    target.suspects.clear();
    target.evidence.clear();
    update.targets.push_back(target);
}

} // namespace poolscope::support
