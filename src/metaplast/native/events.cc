// Event-driven products on the CPU: what is zero is skipped, so the cost grows with active cells instead of cells.
//
// A dense product of a batch of spikes reads and multiplies mostly zeros. Here the few non-zero factors of a row are
// listed first; what they meet is a whole row of the other operand, added up in registers.
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "pieces.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

constexpr int64_t kBlock = 128;  // columns that are summed in registers at once
constexpr int64_t kTile = 16;    // columns that are transposed at once
constexpr int64_t kRows = 512;   // rows of either operand that one piece of work reads again and again
constexpr int64_t kPad = 16;     // keeps the rows of a tile off the same cache lines

typedef float Lanes __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int64_t kLanes = 16;

inline Lanes& at(float* place) { return *reinterpret_cast<Lanes*>(place); }
inline const Lanes& at(const float* place) { return *reinterpret_cast<const Lanes*>(place); }

struct Event {
  int32_t from;
  float value;
};

// Lists of events one behind the other in memory; list k is events[start[k]] to events[start[k + 1]].
struct Lists {
  std::vector<int64_t> start;
  std::vector<Event> events;
};

int64_t active(const float* values, int64_t size) {
  return std::count_if(values, values + size, [](float value) { return value != 0.0f; });
}

// For every row of a matrix, the columns that are not zero.
Lists by_row(const float* matrix, int64_t rows, int64_t columns) {
  Lists lists{std::vector<int64_t>(rows + 1, 0), {}};
  for (int64_t b = 0; b < rows; ++b) lists.start[b + 1] = lists.start[b] + active(matrix + b * columns, columns);
  lists.events.reserve(lists.start[rows]);
  for (int64_t b = 0; b < rows; ++b)
    for (int64_t i = 0; i < columns; ++i)
      if (matrix[b * columns + i] != 0.0f) lists.events.push_back({static_cast<int32_t>(i), matrix[b * columns + i]});
  return lists;
}

// For every column of a matrix, those rows in which it is not zero, out of the rows chosen (or not chosen).
Lists by_column(const float* matrix, const char* chosen, int64_t count, bool wanted, int64_t columns) {
  std::vector<int64_t> rows;
  for (int64_t b = 0; b < count; ++b)
    if (static_cast<bool>(chosen[b]) == wanted) rows.push_back(b);
  Lists lists{std::vector<int64_t>(columns + 1, 0), {}};
  for (const int64_t b : rows)
    for (int64_t i = 0; i < columns; ++i) lists.start[i + 1] += matrix[b * columns + i] != 0.0f;
  std::partial_sum(lists.start.begin(), lists.start.end(), lists.start.begin());
  lists.events.resize(lists.start[columns]);
  std::vector<int64_t> next(lists.start.begin(), lists.start.end() - 1);
  for (const int64_t b : rows)
    for (int64_t i = 0; i < columns; ++i)
      if (matrix[b * columns + i] != 0.0f)
        lists.events[next[i]++] = {static_cast<int32_t>(b), matrix[b * columns + i]};
  return lists;
}

// sum[0..width) += sum over the events of list k of value * rows[from, first..first + width)
void add_rows(float* sum, const Lists& lists, int64_t k, const float* rows, int64_t stride, int64_t first,
              int64_t width) {
  const Event* event = lists.events.data() + lists.start[k];
  const Event* const end = lists.events.data() + lists.start[k + 1];
  if (width == kBlock) {
    Lanes s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{};
    for (; event != end; ++event) {
      const float v = event->value;
      const float* r = rows + event->from * stride + first;
      s0 += v * at(r), s1 += v * at(r + kLanes), s2 += v * at(r + 2 * kLanes), s3 += v * at(r + 3 * kLanes);
      s4 += v * at(r + 4 * kLanes), s5 += v * at(r + 5 * kLanes), s6 += v * at(r + 6 * kLanes);
      s7 += v * at(r + 7 * kLanes);
    }
    at(sum) += s0, at(sum + kLanes) += s1, at(sum + 2 * kLanes) += s2, at(sum + 3 * kLanes) += s3;
    at(sum + 4 * kLanes) += s4, at(sum + 5 * kLanes) += s5, at(sum + 6 * kLanes) += s6, at(sum + 7 * kLanes) += s7;
    return;
  }
  for (; event != end; ++event) {
    const float v = event->value;
    const float* r = rows + event->from * stride + first;
    for (int64_t j = 0; j < width; ++j) sum[j] += v * r[j];
  }
}

// current[b, :] = sum over i of activity[b, i] weight[i, :]
ffi::Error product(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> activity, ffi::Buffer<ffi::F32> weight,
                   ffi::ResultBuffer<ffi::F32> current) {
  const int64_t batch = activity.dimensions()[0], source = activity.dimensions()[1], target = weight.dimensions()[1];
  const float *x = activity.typed_data(), *w = weight.typed_data();
  float* out = current->typed_data();
  const int64_t groups = pieces_of(batch, kRows), blocks = pieces_of(target, kBlock);
  std::vector<Lists> events(groups);
  share(pool, groups, [&](int64_t group) {
    events[group] = by_row(x + group * kRows * source, std::min(kRows, batch - group * kRows), source);
  });
  share(pool, groups * blocks, [&](int64_t piece) {
    const int64_t group = piece / blocks, first = piece % blocks * kBlock, width = std::min(kBlock, target - first);
    const int64_t rows = std::min(kRows, batch - group * kRows);
    for (int64_t b = 0; b < rows; ++b) {
      float* sum = out + (group * kRows + b) * target + first;
      std::fill(sum, sum + width, 0.0f);
      add_rows(sum, events[group], b, w, target, first, width);
    }
  });
  return ffi::Error::Success();
}

// out[begin..end, start..stop) += what the events of the targets cause, transposed a few columns at a time.
void add_by_target(float* out, const Lists& events, const float* pre, int64_t source, int64_t target, int64_t start,
                   int64_t stop, int64_t begin, int64_t end) {
  if (events.start[start] == events.start[stop]) return;
  const int64_t row = end - begin + kPad;
  std::vector<float> tile(kTile * row);
  for (int64_t first = start; first < stop; first += kTile) {
    const int64_t width = std::min(kTile, stop - first);
    std::fill(tile.begin(), tile.end(), 0.0f);
    for (int64_t j = 0; j < width; ++j)
      for (int64_t i = begin; i < end; i += kBlock)
        add_rows(&tile[j * row + i - begin], events, first + j, pre, source, i, std::min(kBlock, end - i));
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < width; ++j) out[i * target + first + j] += tile[j * row + i - begin];
  }
}

// total[i, j] = sum over b of pre[b, i] post[b, j]
ffi::Error outer(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> pre, ffi::Buffer<ffi::F32> post,
                 ffi::ResultBuffer<ffi::F32> total) {
  const int64_t batch = pre.dimensions()[0], source = pre.dimensions()[1], target = post.dimensions()[1];
  const float *p = pre.typed_data(), *q = post.typed_data();
  float* out = total->typed_data();
  const int64_t groups = pieces_of(batch, kRows);
  std::vector<char> few(batch);  // whether an example has fewer events on the side of its sources: there it counts
  share(pool, pieces_of(batch, kTile), [&](int64_t piece) {
    for (int64_t b = piece * kTile; b < std::min(batch, (piece + 1) * kTile); ++b)
      few[b] = active(p + b * source, source) * target <= active(q + b * target, target) * source;
  });
  std::vector<Lists> by_source(groups), by_target(groups);
  share(pool, 2 * groups, [&](int64_t piece) {
    const int64_t from = piece / 2 * kRows, rows = std::min(kRows, batch - from);
    if (piece % 2 == 0)
      by_source[piece / 2] = by_column(p + from * source, few.data() + from, rows, true, source);
    else
      by_target[piece / 2] = by_column(q + from * target, few.data() + from, rows, false, target);
  });
  const int64_t blocks = pieces_of(target, kBlock), parts = pieces_of(source, kRows);
  share(pool, blocks * parts, [&](int64_t piece) {
    const int64_t start = piece / parts * kBlock, stop = std::min(start + kBlock, target);
    const int64_t begin = piece % parts * kRows, end = std::min(begin + kRows, source);
    for (int64_t i = begin; i < end; ++i) std::fill(out + i * target + start, out + i * target + stop, 0.0f);
    for (int64_t group = 0; group < groups; ++group) {
      const float* values = q + group * kRows * target;
      for (int64_t i = begin; i < end; ++i)
        add_rows(out + i * target + start, by_source[group], i, values, target, start, stop - start);
      add_by_target(out, by_target[group], p + group * kRows * source, source, target, start, stop, begin, end);
    }
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(metaplast_event_product, product,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::Buffer<ffi::F32>>()
                                  .Arg<ffi::Buffer<ffi::F32>>()
                                  .Ret<ffi::Buffer<ffi::F32>>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(metaplast_event_outer, outer,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::Buffer<ffi::F32>>()
                                  .Arg<ffi::Buffer<ffi::F32>>()
                                  .Ret<ffi::Buffer<ffi::F32>>());
