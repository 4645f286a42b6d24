// SPDX-License-Identifier: Apache-2.0
#include "core/stack/debugreader.h"

#include "core/stack/functionname.h"

#include <cstdlib>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

namespace poolscope {

namespace {

/// libdwfl's own way asks a debuginfod server if the user's environment names one: not from inside
/// a service. Then only what is on this machine by build id is taken.
int find_debug_information(Dwfl_Module* module, void** user, const char* name, Dwarf_Addr base,
                           const char* file, const char* link, GElf_Word checksum, char** found)
{
    if (std::getenv("DEBUGINFOD_URLS"))
        return dwfl_build_id_find_debuginfo(module, user, name, base, file, link, checksum, found);
    return dwfl_standard_find_debuginfo(module, user, name, base, file, link, checksum, found);
}

struct EndSession
{
    void operator()(Dwfl* session) const { dwfl_end(session); }
};

struct Scopes
{
    Dwarf_Die* dies = nullptr;
    int count = 0;
    Scopes() = default;
    ~Scopes() { std::free(dies); }
    Scopes(const Scopes&) = delete;
    Scopes& operator=(const Scopes&) = delete;
};

std::string linkage_name(Dwarf_Die* die)
{
    Dwarf_Attribute attribute;
    const char* name = nullptr;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
        name = dwarf_formstring(&attribute);
    return name ? function_name(name) : std::string();
}

/// "shop::orders::load", from the namespaces and classes around the declaration.
std::string qualified_name(Dwarf_Die* die)
{
    const char* plain = dwarf_diename(die);
    std::string name = plain ? plain : "";
    if (name.empty())
        return name;
    Dwarf_Die declaration = *die;
    for (const unsigned int link : {DW_AT_abstract_origin, DW_AT_specification}) {
        Dwarf_Attribute attribute;
        Dwarf_Die target;
        if (dwarf_attr(&declaration, link, &attribute) && dwarf_formref_die(&attribute, &target))
            declaration = target;
    }
    Scopes around;
    around.count = dwarf_getscopes_die(&declaration, &around.dies);
    for (int i = 1; i < around.count; ++i) {
        const int tag = dwarf_tag(&around.dies[i]);
        if (tag != DW_TAG_namespace && tag != DW_TAG_class_type && tag != DW_TAG_structure_type)
            continue;
        const char* scope = dwarf_diename(&around.dies[i]);
        name.insert(0, std::string(scope ? scope : "(anonymous namespace)") + "::");
    }
    return name;
}

std::string name_of_die(Dwarf_Die* die)
{
    std::string name = linkage_name(die);
    return name.empty() ? qualified_name(die) : name;
}

struct Place
{
    std::string file;
    std::int32_t line = 0;
};

Place place_of_address(Dwfl_Module* module, Dwarf_Addr pc)
{
    Place place;
    Dwfl_Line* line = dwfl_module_getsrc(module, pc);
    if (!line)
        return place;
    int number = 0;
    if (const char* file = dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr)) {
        place.file = file;
        place.line = number;
    }
    return place;
}

/// Where an inlined function was called.
Place place_of_call(Dwarf_Die* unit, Dwarf_Die* inlined)
{
    Place place;
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &value) == 0) {
        Dwarf_Files* files = nullptr;
        std::size_t count = 0;
        if (dwarf_getsrcfiles(unit, &files, &count) == 0 && value < count) {
            if (const char* file = dwarf_filesrc(files, value, nullptr, nullptr))
                place.file = file;
        }
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &value) == 0)
        place.line = static_cast<std::int32_t>(value);
    return place;
}

/// Appends the inlined functions around `pc` and the name of the one that they are in; `place`
/// leaves as the place within the latter.
std::string unfold_inlined(Dwarf_Die* unit, Dwarf_Addr pc, Place& place, Frames& frames)
{
    Scopes at;
    at.count = dwarf_getscopes(unit, pc, &at.dies);
    if (at.count <= 0)
        return {};
    // The list leads from an inlined function to where it was written. What is wanted is where it
    // ended up, and that is what the list of the innermost entry gives.
    Dwarf_Die innermost = at.dies[0];
    Scopes around;
    around.count = dwarf_getscopes_die(&innermost, &around.dies);
    for (int i = 0; i < around.count; ++i) {
        Dwarf_Die* die = &around.dies[i];
        const int tag = dwarf_tag(die);
        if (tag == DW_TAG_subprogram)
            return name_of_die(die);
        if (tag != DW_TAG_inlined_subroutine)
            continue;
        frames.push_back({name_of_die(die), place.file, place.line, false});
        place = place_of_call(unit, die);
    }
    return {};
}

} // namespace

struct DebugReader::Session
{
    char* debug_path = nullptr; // libdwfl's default
    Dwfl_Callbacks callbacks{};
    std::unique_ptr<Dwfl, EndSession> dwfl;

    /// Tells libdwfl what is loaded now.
    bool report()
    {
        if (!dwfl) {
            callbacks.find_elf = dwfl_linux_proc_find_elf;
            callbacks.find_debuginfo = find_debug_information;
            callbacks.debuginfo_path = &debug_path;
            dwfl.reset(dwfl_begin(&callbacks));
            if (!dwfl)
                return false;
        } else {
            dwfl_report_begin(dwfl.get());
        }
        return dwfl_linux_proc_report(dwfl.get(), getpid()) == 0 &&
               dwfl_report_end(dwfl.get(), nullptr, nullptr) == 0;
    }
};

DebugReader::DebugReader()
    : session_(std::make_unique<Session>())
{}
DebugReader::~DebugReader() = default;

Frames DebugReader::frames_at(std::uintptr_t pc)
{
    Dwfl_Module* module = session_->dwfl ? dwfl_addrmodule(session_->dwfl.get(), pc) : nullptr;
    if (!module) {
        if (!session_->report())
            return {};
        module = dwfl_addrmodule(session_->dwfl.get(), pc);
    }
    if (!module)
        return {};

    Frames frames;
    Place place = place_of_address(module, pc);
    std::string name;
    Dwarf_Addr bias = 0;
    if (Dwarf_Die* unit = dwfl_module_addrdie(module, pc, &bias))
        name = unfold_inlined(unit, pc - bias, place, frames);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    // The symbol is qualified whatever the debug information leaves out.
    const char* from_table =
        dwfl_module_addrinfo(module, pc, &offset, &symbol, nullptr, nullptr, nullptr);
    if (from_table && (name.empty() || std::string_view(from_table).starts_with("_Z")))
        name = function_name(from_table);
    if (!name.empty() || !place.file.empty())
        frames.push_back({std::move(name), std::move(place.file), place.line, false});
    return frames;
}

} // namespace poolscope
