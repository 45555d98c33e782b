#pragma once

#include <nlohmann/json.hpp>

#include "frontend/report/texts.h"
#include "ir/loop/program.h"
#include "runtime/profile.h"

namespace sinter {

// What a report tells of a function, as page/facts.js reads it: its kernels, what they read and write, when
// they are launched, and where in memory values lie meanwhile. `profile` may be null.
nlohmann::ordered_json facts_of(const loop::Program& program, const runtime::Profile* profile,
                                ReportTexts& texts);

}  // namespace sinter
