// The text that weights are measured on when nobody gives one: prose, a dialogue, numbers, a list, code and some words of
// other languages. Written for this purpose.
#include "run/calibration.h"

namespace facet {

const char *builtinCalibrationText() noexcept {
    return R"text(<|turn>user
How does a lighthouse work, and why is it round?<turn|>
<|turn>model
A lighthouse warns ships of rocks and shallow water. A strong lamp stands behind a lens of many glass rings, which bends
the light into one flat beam; a motor turns the lens, so that sailors see a flash every few seconds and know from its
rhythm which lighthouse it is. The tower is round because wind and waves find no flat wall to push against.<turn|>
<|turn>user
Please write the main points as a list, and add the year 1823.<turn|>
<|turn>model
1. The lamp: once oil, since about 1900 electric.
2. The lens: glass rings after Augustin Fresnel (1823).
3. The rhythm: for example two flashes in 15 s, 12.5 m above the sea.
4. The shape: round, because it is strong.<turn|>
<|turn>user
What is 17 * 24, and can you show it in Python?<turn|>
<|turn>model
17 * 24 = 408, as 17 * 20 = 340 and 17 * 4 = 68.

```python
def product(a: int, b: int) -> int:
    total = 0
    for _ in range(b):
        total += a
    return total

print(product(17, 24))  # 408
```<turn|>
<|turn>user
Was steht auf dem Schild? Et que veut dire « sortie » ?<turn|>
<|turn>model
Auf dem Schild steht "Ausgang". « Sortie » veut dire la même chose: the way out. En español se dice "salida".<turn|>
<|turn>user
Tell me a very short story.<turn|>
<|turn>model
On the last evening of October the old keeper climbed the ninety-one steps once more. Fog lay over the bay, and somewhere
below it a small boat was calling with its bell. He lit the lamp, although nobody paid him for it any longer, and waited.
Near midnight the bell came closer, turned, and went safely past the rocks. In the morning a basket with warm bread and a
note stood before his door: "We saw you. Thank you."<turn|>
)text";
}

} // namespace facet
