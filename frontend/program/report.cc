#include "frontend/report/report.h"

#include <sinter/program.h>
#include <sinter/training/report.h>

#include "frontend/compile/driver.h"
#include "frontend/program/program_state.h"
#include "frontend/report/page.h"
#include "runtime/file.h"

namespace sinter {

void Program::report(const std::string& path, const ReportOptions& options) const {
  state_->check_compiled("report");
  const std::vector<std::string> names = options.functions.empty() ? functions() : options.functions;
  const auto make = [&](const runtime::Profile* profile) {
    Report report(*state_->device, state_->options.device);
    for (const std::string& name : names) {
      const Variant& variant = state_->usual(name);
      report.add(lower_function(variant.graph(), variant.name(), *state_->device, state_->switches()),
                 profile);
    }
    return report.finish(options);
  };
  translated(
      [&] { runtime::write_file_atomically(path, report_page({state_->shared.with_any_profile(make)})); });
}

}  // namespace sinter
