// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/report/markup.h"
#include "core/report/report.h"

#include <string>
#include <string_view>

namespace poolscope::report {

// The parts of the page, each a section of its own; empty where there is nothing to say.

std::string leaks_section(const Incident& incident);
/// Empty where no pool lists any.
std::string lost_section(const Incident& incident);
std::string blocking_section(const Incident& incident);
std::string actions_section(const Incident& incident, const Calendar& calendar);
std::string findings_section(const Incident& incident);
std::string notes_section(const Incident& incident, const Calendar& calendar);
std::string not_observed_section(const Incident& incident);

std::string heading(std::string_view text);
/// A sentence where a section has nothing.
std::string nothing(std::string_view sentence);
std::string name_of(Weight weight);

} // namespace poolscope::report
