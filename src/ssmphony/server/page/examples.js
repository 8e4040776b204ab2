/** Sentences that show what the text side can do; `name` is that of a text of the page. */

export const EXAMPLES = [
  { name: "example.story", text: "बहुत समय पहले, एक छोटे-से गाँव में एक बूढ़ा कुम्हार रहता था, जो मिट्टी से पक्षी बनाता था।" },
  { name: "example.question", text: "क्या आपने कभी सोचा है कि बारिश के बाद मिट्टी इतनी अच्छी क्यों महकती है?" },
  { name: "example.money", text: "इस दुकान में 12 किताबें ₹1,499.50 में मिलती हैं, यानी 25% की बचत।" },
  { name: "example.date", text: "भारत 15 अगस्त 1947 को रात 12:00 बजे आज़ाद हुआ।" },
  { name: "example.english", text: "कल office में meeting है, इसलिए train का ticket online book कर लीजिए।" },
];
