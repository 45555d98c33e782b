#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "frontend/report/texts.h"
#include "ir/loop/program.h"
#include "runtime/profile.h"

namespace sinter {

// What a report tells of a function, as page/facts.js reads it: its kernels, what they read and write, when
// they are launched, and where in memory values lie meanwhile. `times` may have those of other functions too.
nlohmann::ordered_json facts_of(const loop::Program& program, std::span<const runtime::KernelTime> times,
                                ReportTexts& texts);

}  // namespace sinter
