#pragma once

#include <sinter/array.h>
#include <sinter/export.h>
#include <sinter/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace SINTER_EXPORT sinter {

// A compiled function with memory for its inputs and outputs: a call at a time. run() is one call into
// machine code: no allocation, no lookup. It belongs to one thread at a time, its inputs and outputs too;
// several may be used at once, as Program says.
//
// On a device with memory of its own, run() moves the inputs that are not bound, and brings back outputs of
// up to 64 KiB; larger ones stay there until they are asked for.
class Function {
 public:
  Function(Function&&) noexcept;
  Function& operator=(Function&&) noexcept;
  ~Function();  // waits for what was started

  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;

  // The memory of an input, to fill before run(); zero at first. On a device with memory of its own, what it
  // copies from: to be written rather than read. It ends what the input was bound to.
  template <Element T>
  std::span<T> input(std::string_view name) {
    return as<T>(input_bytes(name, dtype_of<T>()));
  }
  // The input is what `value` holds now. What lies on the program's device is not copied.
  void set_input(std::string_view name, const Array& value);
  // The input is `value` itself, without a copy in memory of its own: nobody may write to it until the input
  // is something else. An array that does not lie where the device reads it is moved there first, with
  // Program::upload.
  void bind(std::string_view name, const Array& value);
  // The input is an output of another call, without a copy: what its last run left there whenever this one
  // runs, or will have left if it was started before this one is. Both are on one device, and for one thread
  // at a time together; the other may end first.
  void bind(std::string_view name, const Function& other, std::string_view output);

  // Both throw Error where a check of the function fails; state is then as it was.
  void run() {
    start();
    wait();
  }
  // run() in two parts. Between them this thread may do other things, start calls of other Functions too,
  // which run in the order of their starts, but not use this one. wait() throws what start() would have to
  // tell; calls that were started later then have run on the state as it was. Where another one that writes
  // state was started in between, the program's step counts the one that failed all the same. On devices that
  // compute in host memory start() does it all.
  void start();
  void wait();
  // Which call the next one is, for random numbers of a function that writes no state: they are a function of
  // the program's seed and of this, 0 at first and one more after each run() that succeeds. Throws Error
  // where the function writes state: there they follow the program's step.
  void set_call(uint32_t call);

  // Calls it for any number of rows of its batch, which is the Dim that leads the first input that one leads.
  // `inputs` are all of them, by name; those that the batch leads have as many rows as there are, which are
  // cut into as many calls as it takes. The last call is filled up with copies of its last row, so that no
  // check fails for them. Gives all outputs, in host memory, with the bits that the rows have in any other
  // call.
  //
  // Where the rows are not as many as the batch has, Error is thrown for an output that is not by rows, with
  // the op that makes it so: a mean over the batch, say, random numbers, positions in the batch. So it is
  // where the function writes state, or was exported from a graph as text.
  Arrays run_rows(const Arrays& inputs);

  // The memory of an output, valid until the next run() and to be asked for again after it; on a device with
  // memory of its own, a large one is fetched.
  template <Element T>
  std::span<const T> output(std::string_view name) const {
    return as<const T>(output_bytes(name, dtype_of<T>()));
  }
  // The only element of an output.
  template <Element T>
  T value(std::string_view name) const {
    return *reinterpret_cast<const T*>(only_element(name, dtype_of<T>()));
  }
  // A copy. A large one that lies on a device stays there: the next run() writes elsewhere while this is
  // kept.
  Array output(std::string_view name) const;

  struct State;

 private:
  friend class ExportedProgram;
  friend class Program;
  friend class Session;
  explicit Function(std::unique_ptr<State> state);
  template <typename T>
  static std::span<T> as(std::span<std::byte> bytes) {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  std::span<std::byte> input_bytes(std::string_view name, DType type);
  std::span<std::byte> output_bytes(std::string_view name, DType type) const;
  const std::byte* only_element(std::string_view name, DType type) const;

  std::shared_ptr<State> state_;
};

}  // namespace sinter
