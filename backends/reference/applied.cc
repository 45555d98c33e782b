#include "backends/reference/applied.h"

namespace sinter::reference {

runtime::HostTensor applied(const Invocation& i, Kernel kernel, const std::vector<runtime::HostTensor>& in,
                            runtime::DType type) {
  graph::Op op{i.op.code};
  op.attributes = i.op.attributes;
  if (op.code == graph::OpCode::pad) op.attributes.set("value", 0.0);
  std::vector<runtime::HostTensor> out;
  for (const runtime::HostTensor& result : i.out) out.emplace_back(type, result.shape());
  kernel({op, in, out, i.seed, i.step});
  return out[0];
}

}  // namespace sinter::reference
