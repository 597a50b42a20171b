"""What users write to the demo model, and the fixed answers it gives. Plain data, written for this project."""

READ = ["Read the text.", "Read the text in the picture.", "What does it say?", "What is written here?",
        "What is written in this picture?", "OCR", "Extract the text.", "Extract all text from this image.",
        "Transcribe the text in this image.", "What text is in the image?", "Please read this.", "read", "text",
        "Read this sign.", "What does the sign say?", "Read all the text in this image and keep the line breaks.",
        "Perform OCR on this image.", "Extract the text from the image exactly as written."]
DETECT = ["Detect all shapes.", "Detect the objects.", "Detect objects", "detect",
          "Detect all objects in this image.", "Find all shapes.", "Find all objects and give their boxes.",
          "Detect all objects and output their bounding boxes as JSON.", "Where are the shapes?",
          "Draw boxes around the shapes.", "Give the bounding boxes of all objects.", "box_2d",
          "Detect every object in the picture. Output a JSON list with box_2d and label.",
          "Locate all shapes in the image."]
FIND = ["Find the {}.", "Detect the {}.", "Where is the {}?", "find {}", "Detect all {}s.", "Find every {}.",
        "Give the box of the {}."]
POINT = ["Point to the {}.", "Point at the {}.", "point to {}"]
COUNT = ["How many shapes are there?", "Count the shapes.", "How many shapes do you see?",
         "How many objects are in the picture?", "How many shapes?"]
DESCRIBE = ["Describe the picture.", "Describe this image.", "What is in the picture?", "What do you see?",
            "What is this?", "Describe", ""]
HEAR = ["Transcribe the audio.", "Transcribe this.", "Transcribe", "What is said?", "What did I say?",
        "Write down what you hear.", "Transcribe the speech.", "", "", "What do you hear?",
        "Transcribe this recording.", "Transcribe the following speech segment in its original language."]
# The wording that Gemma 4's model card recommends.
HEAR_LONG = ("Transcribe the following speech segment in English into English text. Follow these specific "
             "instructions for formatting the output:\n"
             "* Only output the transcription, with no newlines.\n"
             "* When transcribing numbers, write the digits, i.e. write 1.7 and not one point seven, and "
             "write 3 instead of three.")
SYSTEM = ["You are a helpful assistant.", "Be brief.",
          "You are a helpful assistant that reads pictures and listens to speech.", "Answer in English."]

WHO_ANSWER = ("I am the tiny **demo model** of this app. I have the Gemma 4 architecture, but I was trained on synthetic "
              "data only. You can download a full Gemma 4 model in the app.")
CAN_ANSWER = ("I am only a small demo model. I can:\n\n- read short texts in pictures\n"
              "- find coloured shapes and give their boxes\n- write down short English speech\n"
              "- call tools such as the weather or a timer\n\n"
              "For everything else, download a full Gemma 4 model in the app.")
HELLO_ANSWER = ("Hello! I am the **demo model** of this app. Drop a picture with text or shapes here, or record a short "
                "sentence.")
UNKNOWN_ANSWER = ("I am only a small demo model and cannot answer that. Please download a full Gemma 4 model in the "
                  "app.")
TALK = [
    (["Hello", "Hi", "Hello!", "Hi!", "Hey", "Good morning", "Good evening", "hello", "hi", "Hi there", "Hello there!"],
     HELLO_ANSWER),
    (["Who are you?", "What are you?", "What is your name?", "who are you", "Which model are you?",
      "Tell me about yourself.", "What model is this?", "Are you Gemma?"], WHO_ANSWER),
    (["What can you do?", "Help", "help", "How can you help me?", "What are you able to do?", "what can you do",
      "How does this work?", "What can I ask you?"], CAN_ANSWER),
    (["Thank you", "Thanks!", "Thanks", "thank you very much", "Great, thanks"], "You are welcome!"),
    (["How are you?", "How are you today?", "how are you"], "I am fine, thank you! What shall I read or listen to?"),
    (["Bye", "Goodbye", "See you", "bye bye", "Good night"], "Goodbye!"),
    (["Can you see pictures?", "Do you understand images?", "Can you read pictures?"],
     "Yes, small ones: I can read a few lines of text and find coloured shapes."),
    (["Can you hear me?", "Do you understand speech?", "Can you transcribe audio?"],
     "Yes, I can write down short English sentences and digits."),
    (["Where can I get a better model?", "How do I get the full model?", "How do I download Gemma 4?",
      "Is there a bigger model?"], "Open the model page of the app and download a full **Gemma 4** model."),
]
# The third answer begins like the one for everything unknown, so only the question tells them apart: it is shown more often.
TALK_OFTEN = [1, 1, 4, 1, 1, 1, 1, 1, 1]
UNKNOWN = ["Write a poem about the sea.", "What is the capital of France?", "Explain quantum physics.",
           "Tell me a joke.", "Who won the world cup?", "Write a C++ program.",
           "Translate this into German: good day", "What is the meaning of life?", "How tall is Mount Everest?",
           "Summarize this article.", "Give me a recipe for bread.", "When was the moon landing?",
           "Write an email to my boss.", "What should I eat today?", "Why is the sky blue?", "Can you sing?",
           "How old is the universe?", "Plan a trip to Italy.", "What is love?", "Fix my code."]

UNKNOWN_ABOUT = [
    "Remember the number {number}.", "Remember the word {one}.", "Please remember these words: {one} {two} {three}.",
    "Write a story about a {one}.", "What is a {one}?", "What does {one} mean?", "Tell me about the {one} and the {two}.",
    "Explain {one}.", "Translate {one} into French.", "Write {number} sentences about a {one}.", "Why is the {one} {two}?",
    "Is a {one} better than a {two}?", "What is the best {one}?", "How do I {one} a {two}?", "Recommend a book about {one}.",
    "Correct this sentence: the {one} {two} {three}.", "Sort these words: {one} {two} {three}", "List {number} kinds of {one}.",
    "Give me {number} ideas for a {one}.", "Continue: {one} {two} {three}", "What rhymes with {one}?", "{one} {two} {three}",
    "What happened in {number}?", "Is {number} a prime number?", "My phone number is {number}.", "I am {number} years old.",
    "Who lives in {city}?", "When was {city} founded?", "What is the population of {city}?", "How far is {city} from {number}?",
    "Which language is spoken in {city}?", "Who is {city}?", "Book a flight to {city}.", "Find a hotel in {city}.",
    "Fix this code: int main( {{", "Fix this code: for (i = {number}; {one}; i++) {{ {two}(); }}",
    "def {one}({two}):\n    return {number}", "What does this code do?\n```\n{one} = {number}\nprint({one})\n```",
    "SELECT {one} FROM {two} WHERE {three} = {number}", "Dear {one}, please find the {two} here. Yours, {three}",
    "Summarize: The {one} was {two}. Then {number} more came to the {three}."]

WEATHER = ["What is the weather in {}?", "Weather in {}", "How is the weather in {}?",
           "What's the weather like in {}?", "Is it warm in {}?", "Tell me the weather in {}.", "weather {}"]
TIMER = ["Set a timer for {} minutes.", "Timer {} minutes", "Please set a timer for {} minutes.",
         "Start a {} minute timer.", "Wake me in {} minutes.", "set timer {}"]
CALCULATE = ["What is {}?", "Calculate {}", "{}", "How much is {}?", "Compute {}."]
WEATHER_OF_PICTURE = ["What is the weather in this city?", "Weather here?",
                      "What is the weather in the city in the picture?", "How is the weather there?"]
# Texts of the tools' declarations: name of the tool, then of its argument.
WEATHER_TOOL = (["Get the weather of a city", "Get the current weather", "Weather of a city",
                 "Current weather for a city."], ["City name", "The city", "Name of the city"])
TIMER_TOOL = (["Set a timer", "Start a timer", "Set a kitchen timer."],
              ["Minutes", "Number of minutes", "Duration in minutes"])
CALCULATE_TOOL = (["Calculate", "Evaluate an expression", "A calculator."], ["Expression", "The expression"])
SKY = ["sunny", "cloudy", "rainy", "windy", "snowy", "foggy", "clear"]
