#include "frontend/calls/code.h"

#include <cstring>

#include "frontend/base/tensor_info.h"
#include "frontend/base/translate.h"

namespace sinter {

Code::Code(std::unique_ptr<runtime::Executable> made)
    : executable(std::move(made)),
      inputs(to_infos(executable->inputs())),
      outputs(to_infos(executable->outputs())),
      contexts(*executable) {}

Array output_of(runtime::Context& context, const TensorInfo& info, size_t ordinal) {
  return translated([&] {
    if (auto kept = context.keep_output(ordinal)) return Array(std::move(kept));
    runtime::HostTensor copy = tensor_for(info);
    if (copy.bytes() > 0) std::memcpy(copy.raw(), context.output(ordinal), copy.bytes());
    return Array(std::move(copy));
  });
}

}  // namespace sinter
