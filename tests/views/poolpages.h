// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/poolscene.h"
#include "ui/models/sessionstore.h"
#include "ui/theme/theme.h"
#include "ui/views/page.h"
#include "ui/views/pagetitle.h"
#include "ui/views/viewcontext.h"

#include <QCoreApplication>
#include <QSettings>
#include <QTemporaryDir>

#include <memory>

namespace poolscope::support {

/// One page of pools in a bare window, live, with settings of its own and the range of PoolScene.
template <typename OnePage>
class PoolPageFixture
{
public:
    PoolPageFixture()
    {
        QCoreApplication::setOrganizationName(QStringLiteral("poolscope-test"));
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, folder_.path());
        QSettings().clear();
        Theme::current().install();
        Theme::current().setMode(Theme::Mode::light);
        Workspace::Options options;
        options.temporaryFolder = folder_.path();
        workspace_ = std::make_unique<Workspace>(options);
        context_ = std::make_unique<ViewContext>(*workspace_);
        context_->setUtc(true);
        context_->setRange(PoolScene::begin(), PoolScene::end());
        window_ = std::make_unique<QWidget>();
        page_ = new OnePage(*context_, store_, window_.get());
        resize({1240, 720});
        Transport live;
        live.mode = Mode::live;
        live.start = PoolScene::begin();
        live.cursor = live.end = PoolScene::end();
        page_->setTransport(live);
        window_->show();
    }
    ~PoolPageFixture()
    {
        window_.reset();
        context_.reset();
        workspace_.reset();
    }
    PoolPageFixture(const PoolPageFixture&) = delete;
    PoolPageFixture& operator=(const PoolPageFixture&) = delete;

    OnePage& page() { return *page_; }
    ViewContext& context() { return *context_; }
    void resize(QSize size)
    {
        window_->resize(size);
        page_->setGeometry(QRect(QPoint(), size));
    }
    void apply(const Update& update)
    {
        store_->apply(update);
        page_->apply(update);
        QCoreApplication::processEvents();
    }
    QString sentence() const { return page_->template findChild<PageTitle*>()->sentence(); }
    QString answer() const { return page_->template findChild<PageTitle*>()->accessibleName(); }

    /// For looking at: with POOLSCOPE_PICTURES=FOLDER the page is drawn there, light and dark, at
    /// the sizes that the window leaves it at 1280x800, 1440x900 and 2560x1440.
    void shoot(const QString& name)
    {
        const QString out = qEnvironmentVariable("POOLSCOPE_PICTURES");
        if (out.isEmpty())
            return;
        for (const QSize size : {QSize(1224, 640), QSize(1240, 740), QSize(2320, 1280)}) {
            resize(size);
            for (const bool dark : {false, true}) {
                Theme::current().setMode(dark ? Theme::Mode::dark : Theme::Mode::light);
                QCoreApplication::processEvents();
                QCoreApplication::processEvents();
                window_->grab().save(
                    QStringLiteral("%1/%2-%3-%4.png")
                        .arg(out, name)
                        .arg(size.width())
                        .arg(dark ? QLatin1String("dark") : QLatin1String("light")));
            }
        }
        Theme::current().setMode(Theme::Mode::light);
        resize({1240, 720});
    }

private:
    QTemporaryDir folder_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<ViewContext> context_;
    std::unique_ptr<QWidget> window_;
    std::shared_ptr<SessionStore> store_ = std::make_shared<SessionStore>();
    OnePage* page_ = nullptr;
};

} // namespace poolscope::support
