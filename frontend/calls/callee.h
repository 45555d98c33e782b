#pragma once

#include <sinter/function.h>

#include <string>
#include <string_view>
#include <vector>

#include "backends/non_finite.h"
#include "backends/rows.h"
#include "frontend/calls/code.h"
#include "frontend/calls/shared_state.h"
#include "runtime/device_buffer.h"

namespace sinter {

// A call between its two parts.
struct Started {
  uint32_t step = 0;
  bool has_ended = false;  // as it is profiled, or its results are checked
};

// Whether an array lies where the device reads it; and the array where it does.
bool is_on(const runtime::DeviceMemory& device, const Array& array);
Array bring_to(const runtime::DeviceMemory& device, const Array& array);

// A function as its callers need it, whether its code was made in this process or elsewhere. All that it
// refers to lives as long.
class Callee {
 public:
  Callee(const std::string& name, Code& code, SharedState& state, const runtime::DeviceMemory& device,
         bool writes_state)
      : name_(&name), code_(&code), state_(&state), device_(&device), writes_state_(writes_state) {}
  virtual ~Callee() = default;

  const std::string& name() const { return *name_; }  // in messages
  Code& code() const { return *code_; }
  const runtime::DeviceMemory& device() const { return *device_; }
  bool writes_state() const { return writes_state_; }
  // Throw Error where no input or output has the name.
  size_t input_index(std::string_view name) const;
  size_t output_index(std::string_view name) const;

  // Throws Error where it may not be called, or not any more.
  virtual void check() const {}
  // Whether results that are not finite fail a call, which then says why. A call ends where it is started
  // then: what failed is repeated before another one changes the state.
  virtual bool checks_numerics() const { return false; }
  virtual std::string why_not_finite(const backends::RepeatedCall& /*call*/, std::string_view fault) const {
    return std::string(fault);
  }
  virtual const backends::Rows& rows() const = 0;
  // What it was traced as, where several ranks go over it together, else 0.
  virtual uint64_t identity() const { return 0; }

  // `call` needs inputs, outputs and, where the function writes no state, a number instead of the step. One
  // that does has the state to itself, and counts a step where it succeeds; others run beside each other.
  // What is started later comes after it. `joined`, if there is any, is the state with that of a session.
  Started start(runtime::Context& context, const runtime::Call& call, runtime::StateStore* joined) const;
  void wait(runtime::Context& context, const Started& started, runtime::StateStore* joined) const;

  // One whole call, in a context of the code's, as Program::run; `inputs` are by the right names.
  Arrays call(const Arrays& inputs) const;

 private:
  // Lets `execute` take the call with what it needs besides, while it has the state; gives its step or
  // number.
  template <typename Execute>
  uint32_t calling(runtime::Context& context, runtime::Call call, Execute execute) const;
  void run(runtime::Context& context, const runtime::Call& call) const;
  // Lets the executable run, or a profile note it.
  void run_now(runtime::Context& context, const runtime::Call& call, runtime::StateStore& store) const;
  // What the call read, on the host.
  std::vector<runtime::HostTensor> inputs_of(runtime::Context& context, const runtime::Call& call) const;

  const std::string* name_;
  Code* code_;
  SharedState* state_;
  const runtime::DeviceMemory* device_;
  bool writes_state_;
};

}  // namespace sinter
