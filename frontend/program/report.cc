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
  const std::vector<runtime::KernelTime> times = state_->shared.kernel_times();
  translated([&] {
    Report report(*state_->device, state_->options.device);
    for (const std::string& name : names) {
      const Variant& variant = state_->usual(name);
      report.add(lower_function(variant.graph(), variant.name(), *state_->device, state_->switches()), times);
    }
    runtime::write_file_atomically(path, report_page({report.finish(options)}));
  });
}

}  // namespace sinter
