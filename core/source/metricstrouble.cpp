// SPDX-License-Identifier: GPL-3.0-or-later
// What goes wrong on the way to a page of metrics, in words.
#include "core/source/metricssource.h"

#include <fmt/format.h>

namespace poolscope {

void MetricsSource::tunnelFailed(const QString& words)
{
    fetch_.cancel();
    TunnelTrouble told = tunnel_trouble(sshHost_, words);
    Trouble trouble;
    trouble.sentence = std::move(told.sentence);
    trouble.nextStep = std::move(told.next_step);
    if (told.persistent)
        trouble.kind = Trouble::Kind::persistent;
    failed(trouble);
}

/// On the same host alone, and never from TLS into the clear: a secret may go along.
void MetricsSource::follow(const MetricsFetch::Outcome& outcome)
{
    QUrl to = outcome.redirect;
    if (tunnel_.isReady() && to.host() == QLatin1String("127.0.0.1") &&
        to.port() == tunnel_.port()) {
        to.setHost(asked_.host());
        to.setPort(asked_.port());
    }
    const auto portOf = [](const QUrl& url) {
        return url.port(url.scheme() == QLatin1String("https") ? 443 : 80);
    };
    const bool upgrade = asked_.scheme() == QLatin1String("http") &&
                         to.scheme() == QLatin1String("https") && sshHost_.isEmpty();
    const bool same = to.scheme() == asked_.scheme() && portOf(to) == portOf(asked_);
    const std::string target =
        plain_line(to.toString(QUrl::RemoveUserInfo | QUrl::RemoveQuery).toStdString(), 200);
    const Trouble::Kind kind = wasUp_ ? Trouble::Kind::transient : Trouble::Kind::persistent;
    const bool elsewhere =
        to.host().compare(asked_.host(), Qt::CaseInsensitive) != 0 || !(same || upgrade);
    if (!elsewhere && ++redirects_ <= mostRedirects)
        fetch(to);
    else if (fleet_ && fleet_->retreat(FleetPoll::Refusal::other))
        ask(); // it can do without that one
    else if (elsewhere)
        failed({kind, where() + " sends on to " + target + ", another place: not followed.",
                "Give that address instead, if it is the one that is meant."});
    else
        failed({kind, where() + " sends on and on, at last to " + target + ".",
                "Check the path of the address."});
}

MetricsSource::Trouble MetricsSource::troubleOfStatus(int status) const
{
    const std::string code = std::to_string(status);
    const Trouble::Kind kind = wasUp_ ? Trouble::Kind::transient : Trouble::Kind::persistent;
    const bool basic = !address_.user.isEmpty();
    const bool given = !secret_.isEmpty() || !secretAtHand_.isEmpty();
    const std::string path = plain_line(asked_.path().toStdString(), 200);
    switch (status) {
    case 401:
        return {Trouble::Kind::secret,
                given ? where() + (basic ? " refused the password." : " refused the token.")
                      : where() + (basic ? " wants the password of " +
                                               plain_line(address_.user.toStdString(), 64) + "."
                                         : " wants a token."),
                basic ? ""
                      : "Where it wants a user and a password, put the user into the address: "
                        "USER@HOST."};
    case 403:
        if (!given)
            return {Trouble::Kind::secret, where() + " wants to know who asks.", ""};
        return {kind, where() + " does not let " + path + " be read with what was given.",
                "Let whoever runs it allow that."};
    case 404:
        return {kind, where() + " has no page " + path + ".",
                fleet_ ? "Check the path. Prometheus, Thanos, VictoriaMetrics: /api/v1; Mimir: "
                         "/prometheus/api/v1; VictoriaMetrics' cluster: "
                         "/select/0/prometheus/api/v1."
                : address_.format == MetricsAddress::Format::expvar
                    ? "Go: import _ \"expvar\" serves /debug/vars on the default mux."
                    : "Check the path. Spring: /actuator/prometheus; Quarkus: /q/metrics; "
                      "exporters: /metrics; what a Prometheus knows of all: /api/v1."};
    default:
        return {Trouble::Kind::transient, where() + " answered with HTTP status " + code + ".",
                status >= 500 ? "Its own log says why. Poolscope keeps trying."
                              : "Check the address. Poolscope keeps trying."};
    }
}

std::optional<MetricsSource::Trouble>
MetricsSource::troubleOf(const MetricsFetch::Outcome& outcome) const
{
    using End = MetricsFetch::End;
    const Trouble::Kind kind = wasUp_ ? Trouble::Kind::transient : Trouble::Kind::persistent;
    const std::string words = plain_line(outcome.words.toStdString(), 300);
    switch (outcome.end) {
    case End::complete:
        if (fleet_) {
            if (auto trouble = troubleOfQuery(outcome))
                return trouble;
        }
        return outcome.status == 200 ? std::nullopt
                                     : std::optional(troubleOfStatus(outcome.status));
    case End::tooLong:
        return Trouble{kind,
                       fmt::format("The page at {} is longer than {} MiB: it is not read.", where(),
                                   MetricsReader::max_page >> 20),
                       "Is it a page of metrics? Some servers give a part of it by a query."};
    case End::timedOut:
        return Trouble{Trouble::Kind::transient,
                       outcome.bytes > 0
                           ? fmt::format("The page at {} began, and had not ended after {}.",
                                         where(), format_duration_prose(timings_.answer))
                           : fmt::format("{} did not answer within {}.", where(),
                                         format_duration_prose(timings_.answer)),
                       "The process may hang, or take long over its metrics. Poolscope keeps "
                       "trying."};
    case End::refused:
        return Trouble{Trouble::Kind::transient, "Nobody listens at " + where() + ".",
                       "The process has ended, or serves its metrics at another port."};
    case End::unknownHost:
        return Trouble{Trouble::Kind::transient, "There is no address for " + where() + ".",
                       "Check the host's name."};
    case End::untrusted:
        return Trouble{kind, "The certificate of " + where() + " is not trusted: " + words + ".",
                       "Add its authority to this machine's trusted certificates, or use the name "
                       "that it is made for."};
    case End::noTls:
        return Trouble{kind, where() + " does not answer by TLS.",
                       "Where it serves plain HTTP, write http:// in the place of https://."};
    case End::unpackable:
        return Trouble{kind,
                       fmt::format("The page at {} cannot be unpacked, or is then longer than {} "
                                   "MiB: it is not read.",
                                   where(), MetricsReader::max_page >> 20),
                       "Is it a page of metrics?"};
    case End::cutOff:
        return Trouble{Trouble::Kind::transient,
                       where() + " closed the connection before the page ended.",
                       "The process may just be ending. Poolscope keeps trying."};
    case End::other:
        break;
    }
    return Trouble{Trouble::Kind::transient, "Asking " + where() + " failed: " + words + ".",
                   "Check the address and the network. Poolscope keeps trying."};
}

} // namespace poolscope
